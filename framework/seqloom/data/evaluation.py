"""Distribute the batches of an evaluation to the ranks, so that each example counts once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from torch.utils.data import DataLoader, Sampler

from seqloom.data.collate import Collate, EncodedExample
from seqloom.data.dataset import SequenceDataset, loader
from seqloom.data.sampler import Batch
from seqloom.interfaces import SequenceBatch


class EvaluationSampler(Sampler[list[int]]):
    """The batches of one process, distributed to the ranks in turn.

    The batches, and so the losses to the bit, do not depend on the number of ranks. Each rank has
    the same number of batches, as a wrapped model waits for all ranks in each of them. A rank
    without a batch left gets one example of the last, cheapest batch with the weight 0, which is
    evaluated but not counted.

    Args:
        batches: Batches of all ranks in a fixed order, the cheapest last, as a `BatchSampler`
            without ``shuffle`` yields them. May be empty.
        rank: Rank of this process, from 0.
        world_size: Number of processes.

    >>> batches = [[3, 1], [0, 2], [4]]
    >>> dealt = [EvaluationSampler(batches, rank, 2) for rank in (0, 1)]
    >>> [[(list(batch), batch.weight) for batch in sampler] for sampler in dealt]
    [[([3, 1], 1.0), ([4], 1.0)], [([0, 2], 1.0), ([4], 0.0)]]
    """

    def __init__(
        self,
        batches: Sampler[list[int]] | Sequence[list[int]],
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if not 0 <= rank < world_size:
            raise ValueError(f"rank {rank} is not one of {world_size}.")
        self._batches = batches
        self._rank, self._world_size = rank, world_size

    def __len__(self) -> int:
        """Return the number of batches on each rank."""
        return math.ceil(len(self._batches) / self._world_size)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Batch]:
        """Yield this rank's batches; the last may have the weight 0."""
        count = 0
        for count, batch in enumerate(self._batches, 1):
            if (count - 1) % self._world_size == self._rank:
                yield Batch(batch)
        if 0 < count % self._world_size <= self._rank:
            yield Batch(batch[:1], weight=0.0)


def evaluation_loader(
    examples: Sequence[EncodedExample],
    collate: Collate,
    batches: Sampler[list[int]],
    rank: int = 0,
    world_size: int = 1,
) -> DataLoader[SequenceBatch]:
    """Return the loader of a rank's share of the batches of encoded examples."""
    sampler = EvaluationSampler(batches, rank, world_size)
    return loader(SequenceDataset(examples, collate, None, seed=0), sampler)
