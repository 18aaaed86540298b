"""What this machine can do: the rate of a large matrix product, and the memory in use."""

from __future__ import annotations

import time

import torch
from torch import nn

from seqloom.train.check.memory import peak_memory, reset_peak_memory

SIZE = {"cpu": 1024, "cuda": 8192}
"""Rows and columns of the matrices."""

SECONDS = 0.3
"""Time in which the rate is measured."""


def product_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Return the FLOP per second of the fastest of some products of two large square matrices."""
    size = SIZE.get(device.type, 1024)
    left, right = torch.ones(2, size, size, device=device, dtype=dtype)
    best, started = float("inf"), time.perf_counter()
    while best == float("inf") or time.perf_counter() - started < SECONDS:
        _wait(device)
        before = time.perf_counter()
        torch.mm(left, right)
        _wait(device)
        best = min(best, time.perf_counter() - before)
    return float(2 * size**3 / best)


def multiplications(module: nn.Module) -> int:
    """Return how many numbers of a module's matrices each step is multiplied with.

    Exact for recurrent layers, linear ones and convolutions over steps; products of activations
    with one another, as in attention, are not counted, nor are look-ups in tables.
    """
    looked_up = (nn.Embedding, nn.EmbeddingBag)
    tables = {id(one.weight) for one in module.modules() if isinstance(one, looked_up)}
    return sum(
        one.numel() for one in module.parameters() if one.dim() > 1 and id(one) not in tables
    )


class Memory:
    """The highest memory in use between two moments: of this process, or of a GPU's allocator."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        else:
            reset_peak_memory()

    def peak(self) -> int | None:
        """Return the bytes; None where the system does not tell."""
        if self.device.type == "cuda":
            return int(torch.cuda.max_memory_allocated(self.device))
        return peak_memory()


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
