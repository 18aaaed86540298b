"""Lines cut from drawn pages: straight, turned and curved."""

import math
import tracemalloc
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from seqloom_handwriting.pages.cut import Curve, band, cut, flatten
from seqloom_handwriting.pages.model import Line, Points

Draw = Callable[..., np.ndarray]


def line_of(polygon: Sequence[Sequence[float]], baseline: Sequence[Sequence[float]] = ()) -> Line:
    corners: Points = tuple((float(x), float(y)) for x, y in polygon)
    return Line("x", "r", "", corners, tuple((float(x), float(y)) for x, y in baseline), None, 1)


def rectangle(left: float, top: float, right: float, bottom: float) -> Points:
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    assert a.shape == pytest.approx(b.shape, abs=3)
    height, width = min(a.shape[0], b.shape[0]), min(a.shape[1], b.shape[1])
    pair = [one[:height, :width].ravel() for one in (a, b)]
    return float(np.corrcoef(*pair)[0, 1])


@settings(deadline=None)
@given(
    left=st.integers(0, 40),
    top=st.integers(0, 40),
    width=st.integers(8, 150),
    height=st.integers(8, 60),
    base=st.floats(0.1, 0.9),
    straighten=st.booleans(),
    seed=st.integers(0, 99),
)
def test_a_level_line_in_a_box_is_given_back(
    *, left: int, top: int, width: int, height: int, base: float, straighten: bool, seed: int
) -> None:
    # Black and white alone, so that stretching the contrast changes nothing.
    page = np.random.default_rng(seed).choice([0, 255], (120, 200)).astype(np.uint8)
    y = top + base * height
    found = cut(
        page,
        line_of(rectangle(left, top, left + width, top + height), [(left, y), (left + width, y)]),
        0,
        straighten,
    )
    assert np.abs(found - page[top : top + height, left : left + width].astype(int)).max() <= 1


@pytest.mark.parametrize("degrees", [-80, -30, -3, 4, 45, 90])
def test_turned_writing_is_turned_back(draw_text: Draw, degrees: float) -> None:
    flat = draw_text(700, 700, [(180, 350, "straight ahead, gladly")])
    turned = np.asarray(
        Image.fromarray(flat).rotate(-degrees, Image.Resampling.BICUBIC, fillcolor=255)
    )
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))

    def turn(points: Sequence[tuple[float, float]]) -> Points:
        return tuple(
            (350 + c * (x - 350) - s * (y - 350), 350 + s * (x - 350) + c * (y - 350))
            for x, y in points
        )

    box, base = rectangle(170, 315, 530, 365), [(180, 350), (520, 350)]
    expected = cut(flat, line_of(box, base), 0)
    assert expected.shape == (50, 360)
    assert likeness(cut(turned, line_of(turn(box), turn(base)), 0), expected) > 0.95


def test_curved_writing_is_straightened(draw_text: Draw) -> None:
    flat = draw_text(900, 300, [(60, 150, "up and down goes the road of this line")])
    columns = np.arange(900)
    shift = np.round(25 * np.sin(columns / 150)).astype(int)
    curved = np.stack([np.roll(flat[:, x], shift[x]) for x in columns], axis=1)
    places = range(50, 801, 25)
    base = [(x, 150 + 25 * math.sin(x / 150)) for x in places]
    polygon = [(x, y - 35) for x, y in base] + [(x, y + 15) for x, y in reversed(base)]
    straight = cut(flat, line_of(rectangle(50, 115, 800, 165), [(50, 150), (800, 150)]), 48)
    found = cut(curved, line_of(polygon, base), 48)
    unstraightened = cut(curved, line_of(polygon, base), 48, straighten=False)
    assert unstraightened.shape[1] < 0.7 * straight.shape[1]
    # The way along the curve is a little longer than the way across.
    assert 1.0 < found.shape[1] / straight.shape[1] < 1.04
    assert found.shape[0] == 48
    profile = np.stack([(255.0 - one).mean(axis=1) for one in (found, straight)])
    assert np.corrcoef(profile)[0, 1] > 0.98


def test_what_lies_outside_the_polygon_is_white() -> None:
    page = np.zeros((100, 200), np.uint8)
    found = cut(page, line_of([(20, 20), (120, 20), (20, 70)], [(20, 60), (120, 60)]), 0)
    assert found.shape == (50, 100)
    assert (found[:5, :80] == 0).all()
    assert (found[30:, 60:] == 255).all()


def test_what_lies_outside_the_page_is_white() -> None:
    page = np.zeros((50, 100), np.uint8)
    found = cut(page, line_of(rectangle(-10, -10, 60, 30), [(-10, 20), (60, 20)]), 0)
    assert found.shape == (40, 70)
    assert (found[:9] == 255).all()
    assert (found[:, :9] == 255).all()
    assert (found[12:, 12:] == 0).all()


@pytest.mark.parametrize("height", [16, 64, 100])
def test_lines_are_scaled_in_proportion(draw_text: Draw, height: int) -> None:
    page = draw_text(440, 100, [(20, 60, "proportions")])
    found = cut(page, line_of(rectangle(0, 20, 400, 80), [(0, 60), (400, 60)]), height)
    assert found.shape == (height, round(400 * height / 60))


def test_pale_writing_becomes_black_and_empty_lines_stay_white() -> None:
    page = np.full((60, 200), 250, np.uint8)
    page[20:40, 50:60] = 180
    ink = cut(page, line_of(rectangle(0, 0, 200, 60)), 0)
    assert (ink.min(), ink.max()) == (0, 255)
    page[20:40, 50:60] = 240
    assert cut(page, line_of(rectangle(0, 0, 200, 60)), 0).min() > 200


def test_a_polygon_beside_the_page_is_an_error() -> None:
    with pytest.raises(ValueError, match="its polygon lies outside the page"):
        cut(np.zeros((50, 50), np.uint8), line_of(rectangle(60, 0, 90, 20)), 0)


def test_a_baseline_that_winds_without_end_is_an_error() -> None:
    page = np.zeros((50, 50), np.uint8)
    winding = [(x, 10 + 30 * (x % 2)) for x in range(50)]
    with pytest.raises(ValueError, match=r"its baseline runs back and forth, \d+ pixels within"):
        cut(page, line_of(rectangle(0, 0, 50, 50), winding), 32)


def test_a_line_that_would_fill_the_memory_is_an_error() -> None:
    page = np.zeros((2, 100_000), np.uint8)
    wide = line_of(rectangle(0, 0, 100_000, 2), [(0, 1), (100_000, 1)])
    for straighten in (True, False):
        with pytest.raises(
            ValueError, match=r"is 100000 pixels wide and only 2 high; expected one"
        ):
            cut(page, wide, 4096, straighten)


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


def lit(page: np.ndarray) -> np.ndarray:
    """Return the page as if a lamp stood at its upper left."""
    height, width = page.shape
    light = np.linspace(1, 0.6, width)[None] * np.linspace(1, 0.7, height)[:, None]
    return np.round(page * light).astype(np.uint8)


def test_uneven_light_is_taken_away(draw_text: Draw) -> None:
    page = draw_text(900, 700, [(40, y, "some words stand here") for y in range(80, 660, 60)])
    page = np.maximum(page, 60)
    flat = flatten(lit(page)).astype(int)
    inner = np.s_[32:-32, 32:-32]
    assert np.abs(flat - page)[inner].mean() < 4  # the lamp's is 80
    assert (flat[page == 255] >= 240).mean() > 0.99
    assert np.abs(flat[page == 60] - 60).max() < 20


def test_strips_leave_no_seams() -> None:
    page = np.repeat(np.linspace(120, 250, 600, dtype=np.uint8)[:, None], 300, axis=1)
    flat = flatten(page).astype(int)
    assert np.abs(np.diff(flat, axis=0)).max() <= 3
    assert flat[64:-64].min() > 235


@pytest.mark.parametrize("shape", [(1, 1), (3, 700), (65, 64), (257, 5)])
def test_pages_of_any_size_are_read(shape: tuple[int, int]) -> None:
    flat = flatten(np.full(shape, 130, np.uint8))
    assert flat.shape == shape
    assert (flat == 255).all()


def test_black_pages_stay_black() -> None:
    assert (flatten(np.zeros((80, 80), np.uint8)) == 0).all()


@pytest.mark.parametrize("step", [(-8, 0), (-8, 6), (-30, -4), (0, -8), (2, -9)])
@pytest.mark.parametrize("at_start", [False, True])
def test_a_last_step_that_goes_back_changes_nothing(
    draw_text: Draw, step: tuple[int, int], at_start: bool
) -> None:
    page = draw_text(700, 200, [(60, 100, "a line with a slip of the hand")])
    box, base = rectangle(50, 65, 520, 115), [(60, 100), (250, 101), (500, 100)]
    expected = cut(page, line_of(box, base), 48)
    (x, y), (across, down) = (base[0] if at_start else base[-1]), step
    slip = (x - across, y + down) if at_start else (x + across, y + down)
    drawn = [slip, *base] if at_start else [*base, slip]
    assert (cut(page, line_of(box, drawn), 48) == expected).all()


def test_a_bent_baseline_keeps_its_points() -> None:
    bend = tuple((100 + 90 * math.cos(a), 100 + 90 * math.sin(a)) for a in np.linspace(3.3, 6.1, 9))
    assert len(Curve.along(bend).points) == 9
