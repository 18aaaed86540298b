from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from seqloom_handwriting.strokes.geometry import resample, rows, size_of, transform

COORDINATES = st.floats(-1e3, 1e3).map(lambda value: round(value, 3))
STROKES = st.lists(st.tuples(COORDINATES, COORDINATES), min_size=1, max_size=12).map(
    lambda points: np.array(points, np.float64)
)


def array(*points: tuple[float, float]) -> np.ndarray:
    return np.array(points, np.float64)


@pytest.mark.parametrize(
    ("strokes", "size"),
    [
        ([array((0, 2), (1, 12))], 10),
        ([array((0, 0), (9, 1))], 1),  # a short line of writing
        ([array((0, 0), (50, 1))], 50),  # a dash
        ([array((0, 0), (0, 4)), array((90, 0), (91, 4))], 4),  # two digits far apart
        ([array((3, 3))], 1),  # a dot
        ([array((3, 3)), array((8, 3))], 5),  # two dots
        ([array((-5, 0), (5, 0))], 10),
    ],
)
def test_size(strokes: list[np.ndarray], size: float) -> None:
    assert size_of(strokes) == size


@pytest.mark.parametrize(
    ("stroke", "distance", "wanted"),
    [
        (array((0, 0), (4, 0)), 1, [(0, 0), (1, 0), (2, 0), (3, 0), (4, 0)]),
        (array((0, 0), (4, 0)), 1.3, [(0, 0), (4 / 3, 0), (8 / 3, 0), (4, 0)]),
        (array((0, 0), (3, 4)), 100, [(0, 0), (3, 4)]),
        (array((0, 0), (2, 0), (2, 2)), 1, [(0, 0), (1, 0), (2, 0), (2, 1), (2, 2)]),
        (array((0, 0), (3, 0), (3, 3)), 2, [(0, 0), (2, 0), (3, 1), (3, 3)]),
        (array((1, 1), (1, 1), (1, 3), (1, 3)), 1, [(1, 1), (1, 2), (1, 3)]),
        (array((5, 6)), 1, [(5, 6)]),
        (array((5, 6), (5, 6)), 1, [(5, 6)]),
    ],
)
def test_resampling_by_hand(
    stroke: np.ndarray, distance: float, wanted: list[tuple[float, float]]
) -> None:
    np.testing.assert_allclose(resample(stroke, distance), wanted, atol=1e-12)


@given(STROKES, st.floats(0.05, 3))
def test_resampling_keeps_ends_and_order_and_spaces_evenly(
    stroke: np.ndarray, relative: float
) -> None:
    steps = np.hypot(*np.diff(stroke, axis=0).T)
    length = steps.sum()
    assume(length > 0)
    distance = relative * length / 5
    found = resample(stroke, distance)
    np.testing.assert_allclose(found[[0, -1]], stroke[[0, -1]], atol=1e-9)
    parts = len(found) - 1
    assert parts == max(1, round(length / distance))
    # By brute force: where a point lies along the stroke, walked in very small steps.
    reached = np.concatenate([[0], steps.cumsum()])
    for number, point in enumerate(found):
        place = length * number / parts
        leg = min(int(np.searchsorted(reached, place, "right")) - 1, len(steps) - 1)
        share = (place - reached[leg]) / steps[leg] if steps[leg] else 0.0
        wanted = stroke[leg] + share * (stroke[leg + 1] - stroke[leg])
        np.testing.assert_allclose(point, wanted, atol=1e-6)


@given(st.floats(0.1, 100), st.floats(-3, 3), st.floats(0.01, 1))
def test_a_straight_stroke_is_cut_into_equal_steps(
    length: float, angle: float, distance: float
) -> None:
    end = (length * math.cos(angle), length * math.sin(angle))
    steps = np.hypot(*np.diff(resample(array((0, 0), end), distance), axis=0).T)
    np.testing.assert_allclose(steps, steps.mean(), rtol=1e-6)
    assert steps.mean() < 1.5 * distance or len(steps) == 1
    assert steps.mean() > distance / 1.5 or len(steps) == 1


def test_rows_by_hand() -> None:
    strokes = [array((1, 1), (2, 3)), array((5, 3)), array((4, 7), (4, 7))]
    moves = [(0, 0, 0), (1, 2, 1), (3, 0, 1), (-1, 4, 0), (0, 0, 1)]
    assert rows(strokes, position=False).tolist() == [list(map(float, row)) for row in moves]
    places = [(-2, -3), (-1, -1), (2, -1), (1, 3), (1, 3)]
    assert rows(strokes, position=True)[:, 3:].tolist() == [list(map(float, p)) for p in places]


def test_transforms() -> None:
    assert np.array_equal(transform(0, 0, 0), np.eye(2))
    point = array((1, 2))
    np.testing.assert_allclose(point @ transform(math.pi / 2, 0, 0), [(-2, 1)], atol=1e-12)
    np.testing.assert_allclose(point @ transform(0, 0.25, 0), [(1.5, 2)])
    np.testing.assert_allclose(point @ transform(0, 0, math.log(4)), [(2, 1)])
    np.testing.assert_allclose(np.linalg.det(transform(0.3, 0.2, 0.5)), 1)
