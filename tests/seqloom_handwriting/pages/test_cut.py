"""Lines cut from drawn pages: straight, turned and curved."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from seqloom_handwriting.pages.cut import cut
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
    with pytest.raises(ValueError, match=r"its baseline runs to and fro, \d+ pixels within"):
        cut(page, line_of(rectangle(0, 0, 50, 50), winding), 32)


def test_a_line_that_would_fill_the_memory_is_an_error() -> None:
    page = np.zeros((2, 100_000), np.uint8)
    wide = line_of(rectangle(0, 0, 100_000, 2), [(0, 1), (100_000, 1)])
    for straighten in (True, False):
        with pytest.raises(
            ValueError, match=r"is 100000 pixels wide and only 2 high; expected one"
        ):
            cut(page, wide, 4096, straighten)
