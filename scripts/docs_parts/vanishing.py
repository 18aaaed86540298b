"""How much of a gradient is left at an input k steps before the output it comes from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from seqloom_recurrent.layers import LSTMLayer, RecurrentLayer, RNNLayer

D, H, B, T = 16, 64, 32, 61
SEEDS = 3


def torch_rnn() -> RecurrentLayer:
    """Return an RNN whose weights are drawn as torch draws them, uniformly."""
    layer = RNNLayer(D, H)
    layer.core.reset_parameters()
    return layer


LAYERS: dict[str, Callable[[], RecurrentLayer]] = {
    "LSTM": lambda: LSTMLayer(D, H),
    "RNN": lambda: RNNLayer(D, H),
    "RNN, torch's start": torch_rnn,
}


def gradient_norms(layer: RecurrentLayer) -> Tensor:
    """Return the mean norm of the gradient at each distance from the last step, as a share."""
    values = torch.randn(B, T, D).requires_grad_()
    last = layer(values, torch.full((B,), T)).outputs[:, -1]
    (gradient,) = torch.autograd.grad((last * torch.randn_like(last)).sum(), values)
    norms = gradient.norm(dim=2).mean(0).flip(0)
    return norms / norms[0]


def measure() -> dict[str, Any]:
    """Return the mean over fresh layers, which read standard normal noise."""
    series = []
    for name, make in LAYERS.items():
        found = []
        for seed in range(SEEDS):
            torch.manual_seed(seed)
            found.append(gradient_norms(make()))
        series.append({"name": name, "values": torch.stack(found).mean(0).tolist()})
    return {
        "drawing": "lines",
        "title": "After 60 steps an LSTM keeps a hundredth of the gradient, an RNN far less",
        "x": {"label": "steps between input and output", "values": list(range(T))},
        "y": {"label": "gradient, relative to distance 0", "log": True},
        "series": series,
    }
