"""An evaluation's batches are dealt to the ranks: each once, as many on each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.data.evaluation import EvaluationSampler
from seqloom.data.sampler import Batch, BatchSampler


def dealt(costs: list[int], world_size: int, max_examples: int) -> list[list[Batch]]:
    batches = BatchSampler(costs, max_examples=max_examples, max_cost=None, shuffle=False, seed=0)
    samplers = [EvaluationSampler(batches, rank, world_size) for rank in range(world_size)]
    found = [list(sampler) for sampler in samplers]
    assert [len(sampler) for sampler in samplers] == [len(one) for one in found]
    alone = list(EvaluationSampler(batches))
    counted = [batch for one in found for batch in one if batch.weight]
    assert sorted(map(list, counted)) == sorted(map(list, alone)) == sorted(map(list, batches))
    return found


@given(st.lists(st.integers(1, 50), min_size=1, max_size=40), st.integers(1, 7), st.integers(1, 9))
def test_each_batch_of_one_process_counts_once_on_some_rank(
    costs: list[int], world_size: int, max_examples: int
) -> None:
    found = dealt(costs, world_size, max_examples)
    assert len({len(one) for one in found}) == 1
    for one in found:
        assert all(batch.weight == 1.0 for batch in one[:-1])
        assert one[-1].weight in {0.0, 1.0}
    for filler in (one[-1] for one in found if not one[-1].weight):
        (index,) = filler
        assert costs[index] == min(costs)


def test_fewer_examples_than_ranks() -> None:
    found = dealt([5, 2], 4, 1)
    assert [(list(one[0]), one[0].weight) for one in found] == [
        ([0], 1.0),
        ([1], 1.0),
        ([1], 0.0),
        ([1], 0.0),
    ]


@pytest.mark.parametrize("world_size", [1, 3])
def test_no_example_at_all(world_size: int) -> None:
    for rank in range(world_size):
        sampler = EvaluationSampler([], rank, world_size)
        assert len(sampler) == 0
        assert list(sampler) == []


def test_a_rank_that_is_none() -> None:
    with pytest.raises(ValueError, match="rank 2 is not one of 2"):
        EvaluationSampler([[0]], 2, 2)
