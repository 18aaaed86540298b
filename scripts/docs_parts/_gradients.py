"""The gradient of an output with respect to the inputs before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from seqloom.nn import Layer

D, H, B, T = 16, 64, 32, 61
SEEDS = 3


def gradient_norms(layer: Layer) -> Tensor:
    """Return the mean norm of the gradient at each distance from the last step, as a share."""
    values = torch.randn(B, T, D).requires_grad_()
    last = layer(values, torch.full((B,), T)).outputs[:, -1]
    (gradient,) = torch.autograd.grad((last * torch.randn_like(last)).sum(), values)
    norms = gradient.norm(dim=2).mean(0).flip(0)
    return norms / norms[0]


def lines(title: str, layers: Mapping[str, Callable[[], Layer]]) -> dict[str, Any]:
    """Return the drawing of the means over fresh layers, which read standard normal noise."""
    series = []
    for name, make in layers.items():
        found = []
        for seed in range(SEEDS):
            torch.manual_seed(seed)
            found.append(gradient_norms(make()))
        series.append({"name": name, "values": torch.stack(found).mean(0).tolist()})
    return {
        "drawing": "lines",
        "title": title,
        "x": {"label": "steps between input and output", "values": list(range(T))},
        "y": {"label": "gradient, relative to distance 0", "log": True},
        "series": series,
    }
