"""Redistribute the batches of a run that was started on a different number of ranks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch.utils.data import Sampler

from seqloom.data.sampler import Batch, BatchSampler


class RedealtSampler(Sampler[list[int]]):
    """One rank's share of the steps that another number of ranks would have taken.

    Each step has the same examples. Where its batches cannot be dealt evenly, the largest are
    halved; where too few can be, a rank gets an example with the weight 0.

    Args:
        plan: Sampler of any rank of those with which the run was started.
        rank: Rank of this process, from 0.
        world_size: Number of processes.

    >>> plan = BatchSampler([3, 9, 3, 8], max_examples=2, max_cost=18, shuffle=False, seed=0)
    >>> [[list(batch) for batch in RedealtSampler(plan, rank, 2)] for rank in (0, 1)]
    [[[3], [0]], [[1], [2]]]
    """

    def __init__(self, plan: BatchSampler, rank: int, world_size: int) -> None:
        self.plan, self._rank, self._world_size = plan, rank, world_size
        self.accumulate = accumulation(plan.world_size, plan.accumulate, world_size)
        self._resume_at = 0  # in steps

    @property
    def sampler(self) -> RedealtSampler:
        """This sampler itself: where Lightning looks for ``set_epoch``."""
        return self

    @property
    def epoch(self) -> int:
        """Epoch set by ``set_epoch``."""
        return self.plan.epoch

    def __len__(self) -> int:
        """Return the number of batches of an epoch on each rank."""
        return self.batches_before(math.ceil(len(self.plan) / self.plan.accumulate))

    def __iter__(self) -> Iterator[list[int]]:
        """Yield this rank's batches of the epoch; the first time from a loaded position."""
        start, self._resume_at = self._resume_at, 0
        for together in self.plan.steps(start):
            total = sum(map(self.plan.share, together))
            for batch in deal(together, self._world_size)[self._rank]:
                weight = batch.weight * len(batch) * self._world_size * self.accumulate / total
                yield Batch(batch, weight, self.epoch)

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch; a new one starts at its first batch."""
        if epoch != self.epoch:
            self.plan.set_epoch(epoch)
            self._resume_at = 0

    def fill(self) -> float:
        """Return the fraction of this epoch's planned batches that is not padding."""
        return self.plan.fill()

    def state_at(self, epoch: int, batches: int) -> dict[str, int]:
        """Return the position after some batches of an epoch, in those of the plan."""
        used = math.ceil(batches / self.accumulate) * self.plan.accumulate
        return self.plan.state_at(epoch, min(used, len(self.plan)))

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume from a position; raises the errors of the plan."""
        self.plan.load_state_dict(state)
        self._resume_at = math.ceil(int(state["position"]) / self.plan.accumulate)

    def batches_at(self, position: int) -> int:
        """Return the number of a rank's batches before a position of the plan."""
        return self.batches_before(math.ceil(position / self.plan.accumulate))

    def batches_before(self, steps: int) -> int:
        """Return the number of a rank's batches in the first steps of an epoch."""
        whole = len(self.plan) // self.plan.accumulate
        rest = len(self.plan) % self.plan.accumulate if steps > whole else 0
        last = math.ceil(rest * self.plan.world_size / self._world_size)
        return min(steps, whole) * self.accumulate + last


def accumulation(ranks: int, accumulate: int, now: int) -> int:
    """Return how many batches a rank accumulates now, for steps as large as before.

    >>> accumulation(4, 1, now=2), accumulation(1, 1, now=2)
    (2, 1)
    """
    return math.ceil(ranks * accumulate / now)


def deal(batches: Sequence[Sequence[int]], ranks: int) -> list[list[Batch]]:
    """Return each rank's share of some batches, the same number for each rank.

    The weight of a batch is 1, or 0 if its example is another rank's already.

    >>> [[(list(one), one.weight) for one in share] for share in deal([[4, 2, 7], [5]], 3)]
    [[([4], 1.0)], [([2, 7], 1.0)], [([5], 1.0)]]
    """
    parts = [Batch(batch) for batch in batches]
    while len(parts) % ranks:
        largest = max(range(len(parts)), key=lambda place: len(parts[place]))
        part = parts[largest]
        if len(part) > 1:
            half = len(part) // 2
            parts[largest : largest + 1] = [Batch(part[:half]), Batch(part[half:])]
        else:
            parts.append(Batch(part, weight=0.0))
    return [parts[rank::ranks] for rank in range(ranks)]
