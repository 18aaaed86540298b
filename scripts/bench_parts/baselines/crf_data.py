"""The data of the comparisons of CRFs, the same for all libraries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

B, T = 32, 40
Run = Callable[[], Any]


def crf_data(size: int, ragged: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Return emissions, legal tags (no I-), and lengths: all T, or falling log-normal ones."""
    torch.manual_seed(0)
    emissions = torch.randn(B, T, size, requires_grad=True)
    tags = torch.randint(0, size // 2 + 1, (B, T)) * 2 - 1
    lengths = torch.full((B,), T)
    if ragged:
        lengths = torch.empty(B).log_normal_(2.8, 0.5).round().long().clamp(1, T)
        lengths[0] = T
        lengths = lengths.sort(descending=True).values  # as Flair requires
    return emissions, tags.clamp_min(0), lengths


def backward(loss: Callable[[], Tensor], emissions: Tensor) -> Run:
    """Return a function that computes a loss and the gradient of its emissions."""

    def run() -> None:
        emissions.grad = None
        loss().backward()

    return run
