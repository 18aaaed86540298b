from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.train.report.content import best, counted_from_1, curve, not_finite, thinned

finite = st.floats(-1e6, 1e6)


@given(
    points=st.lists(st.tuples(finite, finite), max_size=60),
    most=st.integers(1, 20),
)
def test_thinned_curve_keeps_the_mean(points: list[tuple[float, float]], most: int) -> None:
    found = thinned(points, most)
    assert len(found) <= most
    if len(points) <= most:
        assert found == points
    elif len(points) % len(found) == 0 and len(points) // len(found) == math.ceil(
        len(points) / most
    ):
        mean = sum(y for _, y in found) / len(found)
        assert mean == pytest.approx(sum(y for _, y in points) / len(points), abs=1e-3)


def test_curve_takes_numbers_only() -> None:
    rows = [
        {"step": 2, "loss": 1},
        {"step": 1, "loss": 2.5},
        {"step": 3, "loss": "4"},
        {"step": 4, "loss": True},
        {"step": 5, "loss": None},
        {"step": 6, "other": 1.0},
        {"loss": 1.0},
    ]
    assert curve(rows, "loss") == [(1.0, 2.5), (2.0, 1.0)]


def test_epochs_are_whole_numbers() -> None:
    rows = counted_from_1([{"epoch": 8.0, "val/f1": 1.0}, {"step": 3}])
    assert repr(rows) == "[{'epoch': 9, 'val/f1': 1.0}, {'step': 3}]"


def test_best_is_the_first_among_equals() -> None:
    points = [(0.0, 0.5), (1.0, 0.75), (2.0, 0.75), (3.0, 0.5)]
    assert best(points, higher_is_better=True) == (1.0, 0.75)
    assert best(points, higher_is_better=False) == (0.0, 0.5)


def test_not_finite_names_the_first_step() -> None:
    rows = [{"step": 1, "a": 1.0}, {"step": 2, "a": math.nan, "b": -math.inf}, {"a": math.inf}]
    assert not_finite(rows) == [("a", 2, "2"), ("b", 1, "2")]
