"""Each example is trained on by one rank, and counts once where a model is measured.

With a batch sampler of one's own Lightning shows all batches to each rank, without a word, unless
that sampler takes the arguments that Lightning makes it anew with. And torch's sampler repeats
examples until the ranks have equally many: of an odd number in validation one is counted twice. Our
samplers know their rank. In training all ranks have equally many batches by construction; in
validation, what fills a rank's last place is evaluated, but not counted.
"""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from seqloom.data.sampler import BatchSampler

from .conftest import Ended


@pytest.fixture(scope="module")
def naive_ranks(naive_sweep: Path) -> list[dict[str, Any]]:
    """Return what the ranks of a naive trial saw."""
    return [json.loads(path.read_text()) for path in naive_sweep.glob("0-*.json")]


def test_naively_each_rank_trains_on_all(naive_ranks: list[dict[str, Any]]) -> None:
    assert [rank["trained"] for rank in naive_ranks] == [[0, 1, 2, 3, 4, 5, 6, 7]] * 2


def test_naively_one_of_five_is_validated_twice(naive_ranks: list[dict[str, Any]]) -> None:
    assert sorted(chain.from_iterable(rank["validated"] for rank in naive_ranks)) == [
        *(0, 0, 1, 2, 3, 4)
    ]


def test_each_rank_has_a_share_of_its_own(sweep: Ended) -> None:
    first, second = ([set(batch) for batch in rank["trained"]] for rank in sweep.seen(0))
    assert len(first) == len(second) == sweep.trials()[0]["steps"]
    assert all(chain(first, second))
    ours, theirs = set().union(*first), set().union(*second)
    assert not ours & theirs
    assert len(ours | theirs) == sum(map(len, chain(first, second))) == 60


def test_one_rank_alone_has_the_same_examples(sweep: Ended) -> None:
    (alone,) = sweep.seen(2)
    on_two = chain.from_iterable(chain.from_iterable(rank["trained"] for rank in sweep.seen(0)))
    assert sorted(chain.from_iterable(alone["trained"])) == sorted(on_two)


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_the_number_of_batches_does_not_depend_on_the_shuffle(ranks: int) -> None:
    costs = [1 + 7 * number % 23 for number in range(101)]

    def sampler(**settings: Any) -> BatchSampler:
        return BatchSampler(costs, max_examples=8, max_cost=60, world_size=ranks, **settings)

    expected = len(sampler(shuffle=False, seed=0))
    for seed, epoch in ((0, 0), (0, 1), (7, 0)):
        for rank in range(ranks):
            shuffled = sampler(shuffle=True, seed=seed, rank=rank)
            shuffled.set_epoch(epoch)
            assert len(shuffled) == len(list(shuffled)) == expected


def test_each_example_of_an_odd_number_counts_once(terminated: Ended) -> None:
    first, second = (rank["validated"] for rank in terminated.seen())
    counted = [*first, *second]
    assert len(counted) == len(set(counted))
    assert len(counted) % 2 == 1
    assert f"val {len(counted)}," in terminated.said
    assert first
    assert second
