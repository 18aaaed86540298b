"""Groups of examples of similar cost: all of them, not too many, not too large, little padding."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seqloom.model.grouping import Pace, similar_sizes


@given(st.lists(st.integers(0, 500), max_size=80), st.integers(1, 9))
def test_every_example_is_in_one_group_of_similar_ones(costs: list[int], most: int) -> None:
    groups = similar_sizes(costs, most)
    assert sorted(place for group in groups for place in group) == list(range(len(costs)))
    for group in groups:
        padded = len(group) * max(costs[place] for place in group)
        assert len(group) <= most
        assert padded <= 2 * sum(costs[place] for place in group)
        assert len(group) == 1 or padded * len(costs) <= 2 * most * sum(costs)


def test_the_examples_come_by_cost() -> None:
    assert similar_sizes([3, 9, 3, 8, 3, 9], most=3) == [[0, 2, 4], [3, 1, 5]]
    assert similar_sizes([]) == []


@given(st.lists(st.integers(0, 500), max_size=600))
def test_by_default_many_short_examples_are_in_a_group(costs: list[int]) -> None:
    groups = similar_sizes(costs)
    assert sorted(place for group in groups for place in group) == list(range(len(costs)))
    for group in groups:
        padded = len(group) * max(costs[place] for place in group)
        assert len(group) <= 64 or (len(group) <= 256 and padded <= 4096)
        assert padded <= 2 * sum(costs[place] for place in group)


def test_only_short_examples_are_more_than_64() -> None:
    assert [len(group) for group in similar_sizes([16] * 600)] == [256, 256, 88]
    assert [len(group) for group in similar_sizes([40] * 200)] == [102, 98]
    assert [len(group) for group in similar_sizes([65] * 200)] == [64, 64, 64, 8]
    assert [len(group) for group in similar_sizes([16] * 200, 64)] == [64, 64, 64, 8]


def test_who_waits_gets_answers_about_once_in_a_second() -> None:
    pace = Pace(10, waits=True)
    found = []
    for seconds in (0.001, 0.01, 0.5, 4.0, 90.0):
        found.append(pace.size())
        pace.note(pace.size(), seconds)
    assert found == [10, 40, 160, 160, 40]
    assert pace.size() == 10


def test_who_does_not_wait_gets_them_in_the_same_batches_each_time() -> None:
    pace = Pace(10, waits=False)
    found = []
    for seconds in (9.0, 9.0, 0.1):
        found.append(pace.size())
        pace.note(pace.size(), seconds)
    assert found == [10, 40, 160]
