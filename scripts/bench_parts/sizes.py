"""How the cost of a step grows with each size: the exponent that fits the larger sizes.

The arithmetic of a step grows with T, B, H², tags², and not with the vocabulary, but dense
gradients of its table do, except with ``optimizer=row_adam``. A target is a little over that:
caches end, and small sizes have a fixed cost. ``python scripts/bench_parts/sizes.py`` prints the
rows.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle
from typing import Any

import torch
from torch import nn

from _timing import Run, Settings, interleaved, rounds
from seqloom.interfaces import Features
from seqloom.nn.companion import single_thread
from seqloom.train.optimizer import clip_gradients
from seqloom.train.row_adam import RowAdam, by_rows
from seqloom_ner.crf import CRF
from seqloom_ner.spans import legal_steps
from seqloom_recurrent.encoders import BiLSTM

ROUNDS = 7
Make = Callable[[int], Run]

SIZES: dict[str, tuple[str, Sequence[int], float]] = {
    "T": ("steps of a BiLSTM", (16, 32, 64, 128, 256, 512, 1024, 2048), 1.1),
    "B": ("sequences in a batch of a BiLSTM", (8, 16, 32, 64, 128, 256), 1.1),
    "H": ("units of a BiLSTM", (32, 64, 128, 256, 512), 2.1),
    "tags": ("tags of a CRF, its loss", (5, 9, 17, 33, 65, 129), 2.1),
    "vocabulary": ("words of a table, with Adam", (10**3, 10**4, 10**5, 10**6), 1.1),
    "rows": ("words of a table, with optimizer=row_adam", (10**3, 10**4, 10**5, 10**6), 0.1),
}
"""What grows, its sizes, and the largest exponent."""

QUICK = 5
"""Number of the first sizes that a quick run takes."""


def bilstm(batch: int, steps: int, units: int) -> Run:
    """Return a training step of a BiLSTM layer."""
    encoder = BiLSTM(units, hidden_size=units)
    features = Features(torch.randn(batch, steps, units), torch.full((batch,), steps))
    return lambda: torch.autograd.backward(encoder(features).states.sum())


def crf_loss(tags: int) -> Run:
    """Return the loss of a CRF, with its gradients."""
    torch.manual_seed(0)
    emissions = torch.randn(32, 40, tags, requires_grad=True)
    gold = (torch.randint(0, tags // 2, (32, 40)) * 2 - 1).clamp_min(0)
    crf, lengths = CRF(tags, *legal_steps(tags)), torch.full((32,), 40)
    return lambda: crf.loss(emissions, gold, lengths).sum().backward()


def table(words: int, *, rows: bool = False) -> Run:
    """Return a training step of a table of words, of which 600 occur, with clipping."""
    net = nn.Sequential(nn.Embedding(words, 50))
    make = partial(RowAdam, min_rows=1) if rows else torch.optim.Adam
    optimizer = make(net.parameters(), lr=1e-3, fused=True)
    if isinstance(optimizer, RowAdam):
        optimizer.watch(by_rows(make, net, net))
    batches = cycle(torch.randint(0, words, (50, 32, 18)))

    def run() -> None:
        optimizer.zero_grad()
        net(next(batches)).sum().backward()
        clip_gradients(optimizer, None, 5.0, "norm")
        optimizer.step()

    return run


MAKE: dict[str, Make] = {
    "T": lambda size: bilstm(8, size, 64),
    "B": lambda size: bilstm(size, 32, 64),
    "H": lambda size: bilstm(16, 32, size),
    "tags": crf_loss,
    "vocabulary": table,
    "rows": partial(table, rows=True),
}


def exponent(points: Sequence[tuple[int, float]]) -> float:
    """Return the slope of the larger half of the points, both axes by logarithm.

    >>> round(exponent([(1, 5.0), (10, 6.0), (100, 100.0), (1000, 10_000.0)]), 3)
    2.0
    """
    upper = [tuple(map(math.log, one)) for one in points[len(points) // 2 :]]
    x = sum(one for one, _ in upper) / len(upper)
    y = sum(one for _, one in upper) / len(upper)
    square = sum((one - x) ** 2 for one, _ in upper)
    return sum((one - x) * (other - y) for one, other in upper) / square


def measure() -> list[dict[str, Any]]:
    """Return a row for each size."""
    with single_thread():
        return [_row(name) for name in SIZES]


def _row(name: str) -> dict[str, Any]:
    what, sizes, target = SIZES[name]
    sizes = sizes[: QUICK if len(sizes) > QUICK else -1] if Settings.quick else sizes
    runs = [MAKE[name](size) for size in sizes]
    times = interleaved(*runs, rounds=rounds(ROUNDS), clock=time.perf_counter)
    points = [(size, min(seconds)) for size, seconds in zip(sizes, times, strict=True)]
    return {
        "id": f"sizes-{name}",
        "what": f"scaling exponent of the time over {what}, {sizes[0]:,} to {sizes[-1]:,}",
        "size": what,
        "ratio": exponent(points),
        "target": target,
        "points": points,
    }


if __name__ == "__main__":
    for one in measure():
        print(one)
