"""Sampler, evaluation and resume for as many ranks as a cluster has, without their processes."""

from __future__ import annotations

import copy
from collections import Counter
from itertools import islice

import numpy as np
import pytest

from seqloom.data.evaluation import EvaluationSampler
from seqloom.data.sampler import Batch, BatchSampler

RANKS = (8, 64, 1024)
COSTS = np.random.default_rng(0).integers(1, 60, 20_011)


def sampler(world_size: int = 1, *, shuffle: bool = True) -> BatchSampler:
    """Return the sampler of the first rank."""
    return BatchSampler(
        COSTS,
        max_examples=8,
        max_cost=480,
        shuffle=shuffle,
        seed=5,
        world_size=world_size,
    )


def of_rank(first: BatchSampler, rank: int) -> BatchSampler:
    """Return the sampler of another rank, which plans the same batches."""
    other = copy.copy(first)
    other._rank = rank
    return other


def test_another_rank_s_copy_is_what_that_rank_builds() -> None:
    built = BatchSampler(
        COSTS, max_examples=8, max_cost=480, shuffle=True, seed=5, rank=3, world_size=8
    )
    assert list(of_rank(sampler(8), 3)) == list(built)


@pytest.mark.parametrize("world_size", RANKS)
def test_an_epoch_shows_each_example_once_in_equally_many_steps(world_size: int) -> None:
    first = sampler(world_size)
    first.set_epoch(2)
    dealt = [list(of_rank(first, rank)) for rank in range(world_size)]
    assert {len(batches) for batches in dealt} == {len(first)}
    seen = Counter(index for batches in dealt for batch in batches for index in batch)
    assert len(seen) == len(COSTS) == seen.total()
    for step in zip(*dealt, strict=True):
        weights = [batch.weight for batch in step if isinstance(batch, Batch)]
        assert sum(weights) == pytest.approx(world_size)


@pytest.mark.parametrize("world_size", RANKS)
def test_each_rank_resumes_with_exactly_the_rest(world_size: int) -> None:
    stop = len(sampler(world_size)) // 2
    for rank in {0, world_size // 3, world_size - 1}:
        whole = list(of_rank(sampler(world_size), rank))
        stopped = of_rank(sampler(world_size), rank)
        list(islice(stopped, stop))
        resumed = of_rank(sampler(world_size), rank)
        resumed.load_state_dict(stopped.state_dict())
        assert list(resumed) == whole[stop:]


@pytest.mark.parametrize("world_size", RANKS)
def test_an_evaluation_counts_each_example_once(world_size: int) -> None:
    batches = list(sampler(shuffle=False))
    dealt = [list(EvaluationSampler(batches, rank, world_size)) for rank in range(world_size)]
    assert len({len(share) for share in dealt}) == 1
    counted = Counter(
        index for share in dealt for batch in share if batch.weight for index in batch
    )
    assert len(counted) == len(COSTS) == counted.total()
