"""The p of a sweep's rows is that of SciPy's own test, corrected by hand."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_rel

from seqloom.sweep.significance import has_scipy, holm, paired_p

VALUES = st.floats(-100, 100).map(lambda value: round(value, 3))


@given(st.lists(st.tuples(VALUES, VALUES), min_size=2, max_size=12))
def test_p_is_that_of_scipy(pairs: list[tuple[float, float]]) -> None:
    if len({round(first - second, 6) for first, second in pairs}) == 1:
        return  # no test; below
    expected = ttest_rel(*zip(*pairs, strict=True)).pvalue
    assert paired_p(pairs) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_a_value_from_a_table() -> None:
    # Differences 1, 2, 3: t = 2 / (1 / √3) = 3.4641 with 2 degrees of freedom.
    assert paired_p([(1, 0), (2, 0), (3, 0)]) == pytest.approx(0.0741799, abs=1e-6)


@pytest.mark.parametrize(
    ("pairs", "p"),
    [
        ([], None),
        ([(0.5, 0.4)], None),
        ([(0.5, 0.5), (0.7, 0.7)], 1.0),
        ([(0.5, 0.25), (0.75, 0.5)], None),
        ([(0.3, 0.1), (0.4, 0.2), (0.9, 0.7)], None),  # constant, but for rounding
    ],
    ids=["no pair", "one pair", "no difference", "constant", "constant but for rounding"],
)
def test_where_there_is_no_test(pairs: list[tuple[float, float]], p: float | None) -> None:
    assert paired_p(pairs) == p


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([None, 0.02]) == [None, 0.02]
    assert holm([]) == []


def test_without_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    assert has_scipy()
    monkeypatch.setitem(sys.modules, "scipy", None)
    assert not has_scipy()
