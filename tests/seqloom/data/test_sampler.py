"""The batch sampler: every example once, within the budget, the same on resume, on all ranks."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lightning_fabric.utilities.data import _set_sampler_epoch
from torch.utils.data import DataLoader, Dataset

from seqloom.data.batching import _plan_sorted
from seqloom.data.sampler import Batch, BatchSampler
from seqloom.errors import ConfigError, DataError, RunError

cost_lists = st.lists(st.integers(1, 200), min_size=1, max_size=120)


def sentence_lengths(count: int, seed: int = 0) -> list[int]:
    """Log-normal lengths of mean 25, σ 0.6, as sentences have."""
    mu = np.log(25) - 0.6**2 / 2
    lengths = np.random.default_rng(seed).lognormal(mu, 0.6, count).round()
    return [max(1, int(length)) for length in lengths]


def make(costs: Sequence[int], **changes: Any) -> BatchSampler:
    settings_ = {"max_examples": 4, "max_cost": None, "shuffle": True, "seed": 1} | changes
    return BatchSampler(costs, **settings_)


def ranks(costs: Sequence[int], world_size: int, **changes: Any) -> list[BatchSampler]:
    return [make(costs, rank=r, world_size=world_size, **changes) for r in range(world_size)]


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[int], dict[str, Any]]:
    costs = draw(cost_lists)
    budget = draw(st.none() | st.integers(max(costs), 4 * max(costs)))
    changes = {
        "max_examples": draw(st.integers(2, 40)),
        "max_cost": budget,
        "shuffle": draw(st.booleans()),
        "seed": draw(st.integers(0, 2**32)),
    }
    return costs, changes


@given(cases(), st.integers(0, 5))
def test_each_epoch_shows_each_example_once_within_the_budget(
    case: tuple[list[int], dict[str, Any]], epoch: int
) -> None:
    costs, changes = case
    sampler = make(costs, **changes)
    sampler.set_epoch(epoch)
    batches = list(sampler)
    assert sorted(i for batch in batches for i in batch) == list(range(len(costs)))
    assert len(batches) == len(sampler)
    for batch in batches:
        assert isinstance(batch, Batch)
        assert batch.weight == 1.0
        assert 1 <= len(batch) <= changes["max_examples"]
        if changes["max_cost"] is not None:
            assert len(batch) * max(costs[i] for i in batch) <= changes["max_cost"]


@given(cases(), st.integers(2, 7), st.integers(0, 3))
def test_ranks_share_an_epoch_in_as_many_batches_each(
    case: tuple[list[int], dict[str, Any]], world_size: int, epoch: int
) -> None:
    costs, changes = case
    try:
        samplers = ranks(costs, world_size, **changes)
    except ConfigError:
        assert not_dealable(costs, world_size, changes)
        return
    for sampler in samplers:
        sampler.set_epoch(epoch)
    per_rank: list[list[Batch]] = [list(sampler) for sampler in samplers]  # type: ignore[arg-type]
    assert {len(batches) for batches in per_rank} == {len(samplers[0])}
    seen = [i for batches in per_rank for batch in batches for i in batch]
    assert sorted(seen) == list(range(len(costs)))
    for step in zip(*per_rank, strict=True):
        assert all(step)
        total = sum(len(batch) for batch in step)
        for batch in step:
            assert batch.weight == pytest.approx(len(batch) * world_size / total)


def not_dealable(costs: list[int], world_size: int, changes: dict[str, Any]) -> bool:
    """Say if no multiple of the ranks lies between the fewest possible batches and N."""
    fewest, size = 0, 0
    for cost in sorted(costs):
        size += 1
        over = changes["max_cost"] is not None and size * cost > changes["max_cost"]
        if fewest == 0 or over or size > changes["max_examples"]:
            fewest, size = fewest + 1, 1
    return -(-fewest // world_size) * world_size > len(costs)


@given(cases(), st.integers(0, 10**6))
def test_resume_gives_exactly_the_rest(case: tuple[list[int], dict[str, Any]], stop: int) -> None:
    costs, changes = case
    whole = make(costs, **changes)
    epochs = []
    for epoch in (3, 4):
        whole.set_epoch(epoch)
        epochs.append(list(whole))
    stop %= len(whole) + 1

    stopped = make(costs, **changes)
    stopped.set_epoch(3)
    iterator = iter(stopped)
    for _ in range(stop):
        next(iterator)
    state = stopped.state_dict()
    assert 0 <= state["position"] < len(whole)

    resumed = make(costs, **changes)
    resumed.load_state_dict(state)
    expected = epochs[1] if stop == len(whole) else epochs[0][stop:]
    assert resumed.epoch == (4 if stop == len(whole) else 3)
    assert resumed.state_dict() == state
    assert list(resumed) == expected
    assert list(resumed) == epochs[resumed.epoch - 3]  # the rest is given once
    resumed.set_epoch(4)
    assert list(resumed) == epochs[1]


def test_the_number_of_batches_is_a_function_of_the_costs_alone() -> None:
    costs = sentence_lengths(700)
    lengths = {
        len(make(costs, shuffle=shuffle, seed=seed, max_examples=16, max_cost=900))
        for shuffle in (True, False)
        for seed in range(5)
    }
    assert len(lengths) == 1


@pytest.mark.parametrize("world_size", [1, 2, 8])
def test_fill_on_sentence_lengths(world_size: int) -> None:
    costs = sentence_lengths(5000)
    sampler = make(costs, max_examples=32, world_size=world_size)
    assert sampler.fill() >= 0.97
    real = padded = 0
    for each in ranks(costs, world_size, max_examples=32):
        for batch in each:
            real += sum(costs[i] for i in batch)
            padded += len(batch) * max(costs[i] for i in batch)
    assert sampler.fill() == pytest.approx(real / padded)


def companions(sampler: BatchSampler, epoch: int) -> set[frozenset[int]]:
    sampler.set_epoch(epoch)
    return {frozenset(batch) for batch in sampler}


@pytest.mark.parametrize(
    ("count", "changes"),
    [
        (5000, {"max_examples": 32}),
        (600, {"max_examples": 32}),
        (200, {"max_examples": 16}),
        (5000, {"max_examples": 1000, "max_cost": 2000}),
    ],
)
def test_the_composition_of_batches_changes_between_epochs(
    count: int, changes: dict[str, Any]
) -> None:
    sampler = make(sentence_lengths(count), **changes)
    epochs = [companions(sampler, epoch) for epoch in range(4)]
    for one, other in itertools.pairwise(epochs):
        assert len(one & other) <= 0.6 * len(one)


def test_each_window_is_permuted_uniformly() -> None:
    # 6 equal examples in pairs: each of the 15 pairs is a batch in a fifth of the epochs.
    sampler = make([5] * 6, max_examples=2)
    counts: dict[frozenset[int], int] = {}
    for epoch in range(1000):
        for pair in companions(sampler, epoch):
            counts[pair] = counts.get(pair, 0) + 1
    assert len(counts) == 15
    expected = 200
    chi_square = sum((n - expected) ** 2 / expected for n in counts.values())
    assert chi_square < 40  # 14 degrees of freedom: p < 0.0003


def test_the_order_of_steps_changes_and_repeats_with_seed_and_epoch() -> None:
    costs = sentence_lengths(500)
    first, again, other = make(costs), make(costs), make(costs, seed=2)
    zero = list(first)
    assert zero == list(again)
    assert zero == list(first)  # without set_epoch an iteration starts again
    assert zero != list(other)
    first.set_epoch(1)
    one = list(first)
    assert one != zero
    assert [max(costs[i] for i in b) for b in one] != [max(costs[i] for i in b) for b in zero]


def test_without_shuffle_every_epoch_is_the_same_the_largest_first() -> None:
    costs = sentence_lengths(100)
    sampler = make(costs, shuffle=False)
    zero = list(sampler)
    sampler.set_epoch(7)
    assert list(sampler) == zero
    largest = [max(costs[i] for i in batch) for batch in zero]
    assert largest == sorted(largest, reverse=True)


def test_ranks_have_neighbours_in_cost_at_each_step() -> None:
    costs = list(range(1, 257))
    for step in zip(*ranks(costs, 4, max_examples=8), strict=True):
        both = [costs[i] for batch in step for i in batch]
        assert max(both) - min(both) < 3 * 32


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("accumulate", [1, 2, 7])
def test_weights_make_the_mean_over_a_steps_batches_the_mean_over_its_examples(
    size: int, accumulate: int
) -> None:
    costs = sentence_lengths(101)
    losses = np.random.default_rng(0).random(101)
    rounds = list(zip(*ranks(costs, size, max_examples=8, accumulate=accumulate), strict=True))
    assert accumulate < 7 or len(rounds) % accumulate  # the last step of an epoch has fewer
    for first in range(0, len(rounds), accumulate):
        batches = [batch for step in rounds[first : first + accumulate] for batch in step]
        # Lightning divides by what is to be accumulated, also where an epoch ends before.
        total = sum(batch.weight * losses[batch].mean() for batch in batches) / (size * accumulate)
        assert total == pytest.approx(losses[[i for batch in batches for i in batch]].mean())
    assert size == 1 or any(len({len(batch) for batch in step}) > 1 for step in rounds)


class Rows(Dataset[Any]):
    """A data set that keeps what a loader hands to it."""

    def __getitem__(self, index: int) -> int:
        raise AssertionError("a loader asks for whole batches")

    def __getitems__(self, batch: list[int]) -> tuple[list[int], float, int]:
        assert isinstance(batch, Batch)
        return list(batch), batch.weight, batch.epoch


def unchanged(batch: Any) -> Any:
    return batch


@pytest.mark.parametrize("workers", [0, 2])
def test_a_data_loader_hands_the_batch_with_its_weight_to_the_data_set(workers: int) -> None:
    sampler = make(sentence_lengths(30), world_size=2, rank=1)
    sampler.set_epoch(4)
    loader: DataLoader[Any] = DataLoader(
        Rows(),
        batch_sampler=sampler,
        num_workers=workers,
        collate_fn=unchanged,
        generator=torch.Generator(),
    )
    came = list(loader)
    expected: list[Batch] = list(sampler)  # type: ignore[arg-type]
    assert came == [(list(batch), batch.weight, 4) for batch in expected]
    assert len({weight for _, weight, _ in came}) > 1


def test_lightning_sets_the_epoch() -> None:
    sampler = make(sentence_lengths(30))
    _set_sampler_epoch(DataLoader(Rows(), batch_sampler=sampler), 5)
    assert sampler.epoch == 5


def test_a_place_ahead_of_training_is_corrected_by_the_loader() -> None:
    sampler = make(sentence_lengths(100))
    batches = list(sampler)  # all given out, as workers that read ahead do
    assert sampler.position == len(sampler)
    resumed = make(sentence_lengths(100))
    resumed.load_state_dict(sampler.state_dict(position=3))
    assert resumed.position == 3
    assert list(resumed) == batches[3:]


def test_a_new_epoch_forgets_the_place() -> None:
    sampler = make(sentence_lengths(100))
    sampler.load_state_dict(sampler.state_dict(position=3))
    sampler.set_epoch(0)
    assert sampler.position == 3
    sampler.set_epoch(1)
    assert len(list(sampler)) == len(sampler)


def test_batches_of_a_large_data_set_are_nearly_full() -> None:
    sampler = make(sentence_lengths(100_000), max_examples=32, max_cost=4096)
    assert sampler.fill() > 0.98


def test_a_plan_does_not_copy_the_costs_for_each_window() -> None:
    costs = np.sort(np.random.default_rng(0).integers(1, 400, 100_000))
    tracemalloc.start()
    try:
        _, windows = _plan_sorted(costs, 64, None, 0.05)
        assert len(windows) > 50
        assert tracemalloc.get_traced_memory()[1] < costs.nbytes / 2
    finally:
        tracemalloc.stop()


def test_examples_that_only_the_tightest_cut_can_deal() -> None:
    # 49 and 50 fit together under 100; a window with 51 in it would hold single ones only.
    samplers = ranks([49, 50, 51], 2, max_cost=100)
    assert sorted(i for s in samplers for batch in s for i in batch) == [0, 1, 2]


def test_examples_without_cost_are_batched_too() -> None:
    sampler = make([0] * 9, max_cost=3, max_examples=4)
    assert sorted(len(batch) for batch in sampler) == [3, 3, 3]
    assert sampler.fill() == 1.0


def test_examples_over_the_budget_are_listed() -> None:
    with pytest.raises(DataError) as caught:
        make([3, 70, 5, 90], max_cost=60, ids=["a", "b", "c", "d"])
    assert str(caught.value) == (
        "2 of 4 examples cost more than batch.max_cost=60, so no batch can hold them: d (90), "
        "b (70). Raise batch.max_cost to 90, or leave these examples out with on_bad=skip."
    )
    with pytest.raises(DataError, match=r"number 0 \(9\), .*number 9 \(9\) and 2 more\. Raise"):
        make([9] * 12, max_cost=8)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_examples_than_ranks(count: int) -> None:
    with pytest.raises(ConfigError, match=rf"Too few examples \({count}\) for the processes \(2\)"):
        make([1] * count, world_size=2)


def test_examples_that_cannot_be_dealt_evenly() -> None:
    with pytest.raises(ConfigError) as caught:
        make([1] * 5, world_size=2, max_examples=1)
    assert str(caught.value) == (
        "5 examples cannot be divided among 2 processes with the same number of batches each: with "
        "batch.max_examples=1 and batch.max_cost=None there are at least 5 batches, which is not "
        "divisible by 2, and too few of them can be halved. Raise batch.max_examples or "
        "batch.max_cost, or use fewer devices."
    )


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"max_examples": 0}, "batch.max_examples=0: a batch needs at least 1 example"),
        ({"max_cost": 0}, "batch.max_cost=0: expected a positive number, or null"),
        ({"seed": -1}, "seed=-1: expected 0 or a positive whole number"),
    ],
)
def test_limits_that_make_no_sense(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        make([1, 2], **changes)


def test_misuse_by_a_program_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="rank 2 is not one of 2"):
        make([1, 2], rank=2, world_size=2)
    with pytest.raises(ValueError, match="1 ids for 2 costs"):
        make([1, 2], ids=["a"])
    with pytest.raises(ValueError, match="negative"):
        make([1, -2])


@pytest.mark.parametrize(
    ("other", "text"),
    [
        ({"seed": 2}, "seed 1 then, 2 now"),
        ({"world_size": 2}, r"world size 1 then, 2 now; batches 3 then, 2 now"),
        ({"max_examples": 2}, "batches 3 then, 5 now"),
    ],
)
def test_a_place_in_another_run(other: dict[str, Any], text: str) -> None:
    state = make([1] * 10).state_dict()
    with pytest.raises(RunError, match=f"does not match this run: {text}. Resume with the same"):
        make([1] * 10, **other).load_state_dict(state)


def test_a_place_that_is_none() -> None:
    with pytest.raises(RunError, match="lacks seed, position, world_size, batches; it was not"):
        make([1] * 10).load_state_dict({"epoch": 1})


@settings(max_examples=20)
@given(st.integers(1, 5), st.integers(0, 50))
def test_the_state_is_plain_numbers(world_size: int, position: int) -> None:
    state = make([1] * 50, world_size=world_size).state_dict(position)
    assert all(type(value) is int for value in state.values())
