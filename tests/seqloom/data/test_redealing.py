"""On another number of ranks each step keeps its examples, and each example its weight."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from seqloom.data.redealing import RedealtSampler
from seqloom.data.sampler import Batch, BatchSampler

EPOCH = 2


def planned(examples: int, ranks: int, accumulate: int, rank: int = 0) -> BatchSampler:
    costs = np.random.default_rng(examples).integers(1, 50, examples)
    sampler = BatchSampler(
        costs,
        max_examples=8,
        max_cost=None,
        shuffle=True,
        seed=3,
        rank=rank,
        world_size=ranks,
        accumulate=accumulate,
    )
    sampler.set_epoch(EPOCH)
    return sampler


def steps(samplers: Sequence[BatchSampler | RedealtSampler]) -> list[list[int]]:
    """Return the examples of each step; check that each of them weighs the same."""
    accumulate, found = samplers[0].accumulate, []
    shares = [list(one) for one in samplers]
    assert {len(share) for share in shares} == {len(one) for one in samplers}
    for first in range(0, len(shares[0]), accumulate):
        batches = [one for share in shares for one in share[first : first + accumulate]]
        counted = [one for one in batches if isinstance(one, Batch) and one.weight]
        examples = [example for one in counted for example in one]
        expected = len(samplers) * accumulate / len(examples)
        assert [one.weight / len(one) for one in counted] == pytest.approx(
            [expected] * len(counted)
        )
        found.append(sorted(examples))
    return found


@pytest.mark.parametrize("examples", [5, 37, 100])
@pytest.mark.parametrize(("ranks", "accumulate"), [(1, 1), (1, 3), (2, 1), (3, 2), (4, 1)])
@pytest.mark.parametrize("now", [1, 2, 3, 5])
def test_each_step_keeps_its_examples(examples: int, ranks: int, accumulate: int, now: int) -> None:
    before = [planned(examples, ranks, accumulate, rank) for rank in range(ranks)]
    after = [RedealtSampler(planned(examples, ranks, accumulate), rank, now) for rank in range(now)]
    expected = steps(before)
    assert steps(after) == expected
    for step in range(len(expected) + 1):
        state = before[0].state_at(EPOCH, min(step * accumulate, len(before[0])))
        resumed = RedealtSampler(planned(examples, ranks, accumulate), 0, now)
        resumed.load_state_dict(state)
        used = resumed.batches_at(state["position"])
        assert len(list(resumed)) == len(resumed) - used
        assert resumed.state_at(EPOCH, used) == state
