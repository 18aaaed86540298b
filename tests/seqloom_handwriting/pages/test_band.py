"""The geometry of lines, against dense sampling."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from seqloom_handwriting.pages.band import Curve, band

steps = st.lists(st.tuples(st.integers(5, 60), st.integers(-12, 12)), min_size=1, max_size=5)
points = st.tuples(st.floats(-50, 300), st.floats(-100, 100))


def curve_of(moves: list[tuple[int, int]]) -> Curve:
    return Curve.along(tuple(map(tuple, np.cumsum([(0, 0), *moves], axis=0).tolist())))


@settings(deadline=None)
@given(moves=steps, point=points)
def test_a_point_is_measured_at_the_nearest_place(
    moves: list[tuple[int, int]], point: tuple[float, float]
) -> None:
    curve = curve_of(moves)
    length = float(np.hypot(*np.array(moves).T).sum())
    dense = np.arange(-600, length + 600, 0.05)
    away = np.hypot(*(curve.at(dense) - point).T)
    assume(away.min() > 0.5)
    along, above = curve.measure(np.array([point]))
    # A sample lies within half a step of the nearest place, where that is a corner too.
    assert away.min() - 0.025 <= abs(above[0]) <= away.min() + 1e-9
    assert np.hypot(*(curve.at(along) - point).T)[0] == pytest.approx(abs(above[0]), abs=1e-6)


@settings(deadline=None)
@given(along=st.floats(-100, 100), above=st.floats(-40, 40), turn=st.floats(-math.pi, math.pi))
def test_measuring_is_the_inverse_of_going_along_and_up(
    along: float, above: float, turn: float
) -> None:
    assume(abs(abs(turn) - 3 * math.pi / 4) > 0.01)  # where the line is turned round
    end = (200 * math.cos(turn), 200 * math.sin(turn))
    curve = Curve.along(((0.0, 0.0), (end[0] / 3, end[1] / 3), end))
    places = np.array([along])
    point = curve.at(places) + above * curve.upwards(places, 10)
    found_along, found_above = curve.measure(point)
    assert found_along[0] == pytest.approx(along, abs=1e-6)
    assert found_above[0] == pytest.approx(above, abs=1e-6)


def test_many_points_and_a_long_baseline_take_little_memory() -> None:
    x = np.arange(3000.0)
    curve = Curve(np.stack([x, 500 + 20 * np.sin(x / 90)], axis=1))
    polygon = curve.at(np.linspace(0, 3000, 3000)) - np.array([0.0, 30.0])
    tracemalloc.start()
    try:
        along, above = curve.measure(polygon)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20e6  # 9 million pairs of 8 bytes, several times, were half a gigabyte
    singly = [curve.measure(point[None]) for point in polygon[::500]]
    assert along[::500].tolist() == [found[0][0] for found in singly]
    assert above[::500].tolist() == [found[1][0] for found in singly]


def test_above_is_where_the_tops_of_letters_are() -> None:
    level = Curve.along(((0.0, 100.0), (50.0, 100.0)))
    upright = Curve.along(((20.0, 300.0), (20.0, 100.0)))  # writing that climbs the page
    assert level.measure(np.array([[10.0, 90.0]]))[1] == [10]
    assert upright.measure(np.array([[5.0, 200.0]]))[1] == [15]


def test_a_baseline_drawn_from_its_end_is_turned_round() -> None:
    drawn = Curve.along(((100.0, 10.0), (60.0, 10.0), (0.0, 12.0)))
    assert drawn.points.tolist() == [[0, 12], [60, 10], [100, 10]]


def test_equal_points_in_succession_are_one() -> None:
    curve = Curve.along(((0.0, 0.0), (0.0, 0.0), (9.0, 0.0), (9.0, 0.0)))
    assert curve.points.tolist() == [[0, 0], [9, 0]]


def test_few_vertices_all_count_and_of_many_the_spikes_do_not() -> None:
    curve = Curve.along(((0.0, 100.0), (500.0, 100.0)))
    corners = ((-5.0, 60.0), (250.0, 20.0), (510.0, 60.0), (510.0, 130.0), (-5.0, 130.0))
    few = band(curve, corners)
    assert (few.start, few.end, few.above, few.below) == (-5, 510, 80, 30)
    top = [(float(x), 60.0) for x in range(0, 500, 5)]
    bottom = [(float(x), 130.0) for x in range(500, 0, -5)]
    traced = band(curve, (*top, (499.0, 0.0), *bottom))
    assert (traced.above, traced.below) == (40, 30)
