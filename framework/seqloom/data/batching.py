"""Plan batches of examples of similar size, so that little of a batch is padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

SPREADS = (0.05, 0.07, 0.1, 0.14, 0.2, 0.28, 0.4, 0.56, 0.8, 1.0)
"""By how much costs in a window may differ, as a fraction of the least; the first is preferred."""

MIXED_SHARE = 0.5
"""Fraction of the examples that must be able to change batches, or a wider spread is tried."""


@dataclass(frozen=True)
class BatchPlan:
    """Examples in the order of their costs, split into batches, the batches grouped in windows.

    Any permutation of ``order`` inside a window keeps every batch within the budget.

    Attributes:
        order: The N examples, by cost.
        bounds: Where batch b starts and ends in ``order``: ``bounds[b]``, ``bounds[b + 1]``.
        windows: Where window w starts and ends in ``order``, likewise; each is whole batches.
    """

    order: Ints
    bounds: Ints
    windows: Ints

    @property
    def sizes(self) -> Ints:
        """The number of examples of each batch."""
        return np.diff(self.bounds)

    def mixed_share(self) -> float:
        """Return the fraction of the examples that are in windows of two batches or more."""
        batches = np.diff(np.searchsorted(self.bounds, self.windows))
        return float(np.diff(self.windows)[batches > 1].sum() / max(1, len(self.order)))

    def permuted(self, rng: np.random.Generator) -> Ints:
        """Return ``order`` with the examples permuted inside each window."""
        keys = rng.random(len(self.order))
        permuted = np.empty_like(self.order)
        # Window by window: one sort of all keys by window takes four times as long.
        for start, stop in pairwise(self.windows.tolist()):
            places = np.argsort(keys[start:stop], kind="stable")
            permuted[start:stop] = self.order[start:stop][places]
        return permuted

    def divisible_by(self, count: int) -> BatchPlan:
        """Return a plan whose number of batches ``count`` divides: the largest are halved.

        Raises:
            ValueError: There are too few examples, or all batches hold a single one.
        """
        bounds = self.bounds
        for _ in range(-(len(bounds) - 1) % count):
            sizes = np.diff(bounds)
            largest = int(np.argmax(sizes))
            if sizes[largest] < 2:
                raise ValueError("no batch is left that can be halved")
            bounds = np.insert(bounds, largest + 1, bounds[largest] + sizes[largest] // 2)
        return BatchPlan(self.order, bounds, self.windows)


def plan_batches(
    costs: Ints,
    max_examples: int,
    max_cost: int | None,
    spreads: Sequence[float] = SPREADS,
) -> BatchPlan:
    """Return batches of the examples, with windows as narrow as leave enough to shuffle.

    A large data set has many examples of nearly the same cost, so that windows of 5 % suffice; a
    small one needs wider windows, or each epoch would see the same batches.

    Args:
        costs: Costs of the examples, (N,), each between 0 and ``max_cost``.
        max_examples: Largest number of examples in a batch.
        max_cost: Largest product of a batch's size and its greatest cost.
        spreads: Spreads to try in turn; 0 gives the fewest batches that are possible.
    """
    order = np.argsort(costs, kind="stable")
    ascending = np.maximum(costs[order], 1)
    tried: list[BatchPlan] = []
    for spread in spreads:
        tried.append(BatchPlan(order, *_plan_sorted(ascending, max_examples, max_cost, spread)))
        if tried[-1].mixed_share() >= MIXED_SHARE:
            return tried[-1]
    return max(tried, key=BatchPlan.mixed_share)


def _plan_sorted(
    costs: Ints, max_examples: int, max_cost: int | None, spread: float
) -> tuple[Ints, Ints]:
    """Return the bounds of batches and of windows for ascending costs of at least 1."""
    bounds, windows, start = [0], [0], 0
    while start < len(costs):
        highest = int(costs[start] * (1 + spread))  # with a float, all costs would be converted
        stop = int(np.searchsorted(costs, highest, "right"))
        size = _most(int(costs[stop - 1]), max_examples, max_cost)
        if stop - start < size:  # too few of similar cost for a batch: add more expensive ones
            size = _fitting(costs, start, max_examples, max_cost)
            stop = start + size
        end = stop - (stop - start) % size
        bounds.extend(range(start + size, end + 1, size))
        windows.append(end)
        start = end
    return np.array(bounds, np.int64), np.array(windows, np.int64)


def _most(cost: int, max_examples: int, max_cost: int | None) -> int:
    """Return how many examples of this cost one batch may hold."""
    return max_examples if max_cost is None else min(max_examples, max_cost // cost)


def _fitting(costs: Ints, start: int, max_examples: int, max_cost: int | None) -> int:
    """Return how many of the next examples fit into one batch."""
    ahead = costs[start : start + _most(int(costs[start]), max_examples, max_cost)]
    if max_cost is None:
        return len(ahead)
    padded = ahead * np.arange(1, len(ahead) + 1)
    return int(np.searchsorted(padded, max_cost, "right"))


def cost_without_limit(costs: Ints, max_examples: int) -> int:
    """Return the largest cost of a batch, with its padding, where no limit is set.

    A batch is as large as most are, or twice, not all examples beside the longest one.

    >>> cost_without_limit(np.array([1, 1, 100, 2]), max_examples=2)
    104
    """
    return max(int(costs.max(initial=1)), 2 * max_examples * int(costs.sum()) // max(1, len(costs)))


def fill(costs: Ints, order: Ints, bounds: Ints) -> float:
    """Return the fraction of the batches that is not padding: all costs over the padded size.

    >>> fill(np.array([2, 4, 4]), np.array([0, 1, 2]), np.array([0, 2, 3]))
    0.8333333333333334
    """
    ordered = costs[order]
    padded = np.diff(bounds) * np.maximum.reduceat(ordered, bounds[:-1])
    return float(ordered.sum() / padded.sum()) if padded.any() else 1.0


def too_expensive(costs: Ints, max_cost: int | None, ids: Sequence[str] | None) -> list[str]:
    """Return the examples that alone exceed the budget, each with its cost, the largest first."""
    if max_cost is None:
        return []
    found = np.flatnonzero(costs > max_cost)
    found = found[np.argsort(-costs[found], kind="stable")]
    return [f"{ids[int(i)] if ids else f'number {i}'} ({costs[i]})" for i in found]
