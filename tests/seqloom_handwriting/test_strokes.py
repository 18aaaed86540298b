"""Pen strokes as arrays, their geometry, and what frontends of strokes and vectors promise."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from seqloom.errors import ConfigError, ExampleError
from seqloom.interfaces import Example, Frontend, Origin
from seqloom.testing import FRONTEND_CHECKS, FrontendCase, examples
from seqloom_handwriting.strokes import (
    StrokeCodec,
    StrokeFrontend,
    resample,
    rows,
    size_of,
    transform,
)
from seqloom_handwriting.vectors import VectorFrontend

SEVEN = [[(10, 20), (20, 20), (20, 40)], [(12, 30), (18, 30)]]


def example(strokes: Any, field: str = "strokes") -> Example:
    return Example("e", {field: strokes}, Origin("pen.tsv", 3))


def encode(strokes: Any, **params: Any) -> np.ndarray:
    codec = StrokeCodec(**params)
    codec.restore(codec.fit([example(strokes)]))
    return codec.encode(example(strokes))["strokes"]


def test_resampled_by_hand() -> None:
    # Heights are 1: the strokes are 1.5 and 0.3 long, in steps of 0.5 and 0.3.
    root = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 1, 1), (-0.8, -1, 0), (0.6, 0, 1)]
    found = encode(SEVEN, spacing=0.5)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, root, atol=1e-6)
    places = [(-0.25, -0.5), (0.25, -0.5), (0.25, 0), (0.25, 0.5), (-0.15, 0), (0.15, 0)]
    found = encode(SEVEN, spacing=0.5, position=True)
    np.testing.assert_allclose(found, np.hstack([root, places]), atol=1e-6)


def test_raw_points_in_the_mean_step_of_training() -> None:
    codec = StrokeCodec(spacing=0)
    other = example([[(0, 0), (0, 3), (0, 4)]])
    state = codec.fit([example(SEVEN), other])
    assert state == {"step": pytest.approx((0.5 + 1 + 0.3 + 0.75 + 0.25) / 5)}
    codec.restore(state)
    found = codec.encode(other)["strokes"]
    np.testing.assert_allclose(found[:, 1] * state["step"], [0, 0.75, 0.25], rtol=1e-6)


def test_only_dots_have_no_step() -> None:
    codec = StrokeCodec(spacing=0)
    assert codec.fit([example([[(1, 1)]]), example([[(2, 2), (2, 2)]])]) == {"step": 1.0}


@pytest.mark.parametrize("spacing", [0, 0.06])
def test_a_dot_is_one_row(spacing: float) -> None:
    assert encode([[(7, 9)]], spacing=spacing, position=True).tolist() == [[0, 0, 1, 0, 0]]


STROKE = st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=1, max_size=6)


@given(st.lists(STROKE, min_size=1, max_size=4), st.floats(0.01, 100), st.booleans())
def test_place_and_scale_do_not_matter(
    strokes: list[list[tuple[int, int]]], scale: float, position: bool
) -> None:
    moved = [[(scale * x + 5, scale * y - 9) for x, y in stroke] for stroke in strokes]
    one, other = (encode(s, position=position, spacing=0.0) for s in (strokes, moved))
    np.testing.assert_allclose(one, other, atol=1e-4)
    one, other = (encode(s, position=position) for s in (strokes, moved))
    assert one[:, 2].sum() == len(strokes)
    assert len(one) >= len(strokes)
    assert np.isfinite(one).all()
    assert abs(len(one) - len(other)) <= len(strokes)  # where a length is rounded the other way


def test_augmenting_is_moving_the_points() -> None:
    codec = StrokeCodec(position=True, spacing=0, augment={"rotate": 0.0, "slant": 0.2})
    codec.restore({"step": 0.5})
    item = codec.encode(example(SEVEN))
    changed = codec.augment(item, np.random.default_rng(1))["strokes"]
    assert np.array_equal(changed[:, 2], item["strokes"][:, 2])
    steps = np.diff(changed[:, 3:], axis=0, prepend=changed[:1, 3:])
    np.testing.assert_allclose(changed[:, :2] * 0.5, steps, atol=1e-6)
    assert not np.allclose(changed, item["strokes"], atol=1e-3)


@pytest.mark.parametrize("kind", ["rotate", "slant", "stretch"])
def test_augmenting_stays_within_its_bounds(kind: str) -> None:
    codec = StrokeCodec(spacing=0, augment={"rotate": 0.0, "slant": 0.0, "stretch": 0.0, kind: 0.2})
    codec.restore({"step": 1.0})
    item = codec.encode(example([[(0, 0), (0, 1), (1, 1)]]))
    amounts = []
    for seed in range(40):
        down, right = codec.augment(item, np.random.default_rng(seed))["strokes"][1:, :2]
        amounts.append(
            {
                "rotate": math.atan2(right[1], right[0]),
                "slant": down[0],
                "stretch": math.log(np.hypot(*right) / np.hypot(*down)),
            }[kind]
        )
    assert -0.2001 <= min(amounts) < -0.1
    assert 0.1 < max(amounts) <= 0.2001


def test_augmenting_by_nothing() -> None:
    codec = StrokeCodec(augment={"rotate": 0.0, "slant": 0.0, "stretch": 0.0})
    item = codec.encode(example(SEVEN))
    assert np.array_equal(codec.augment(item, np.random.default_rng(0))["strokes"], item["strokes"])


def test_bare_strokes_become_the_field() -> None:
    assert StrokeCodec(field="pen").fields(SEVEN) == {"pen": SEVEN}
    assert StrokeCodec().fields("strokes") is None


WRONG = "expected one or more points, each a pair (x, y) of finite numbers."


@pytest.mark.parametrize(
    ("strokes", "complaint"),
    [
        ("1,2", "'strokes' holds a str; expected a list of strokes, each a list of points (x, y)."),
        ([], "'strokes' has no stroke; leave out examples without any."),
        ([[(0, 1)], []], f"stroke 2 is []; {WRONG}"),
        ([[(0, 1), (2,)]], f"stroke 1 is [(0, 1), (2,)]; {WRONG}"),
        ([[(0, 1, 2)]], f"stroke 1 is [(0, 1, 2)]; {WRONG}"),
        ([(0, 1), (2, 3)], f"stroke 1 is (0, 1); {WRONG}"),
        ([[(0, None)]], f"stroke 1 is [(0, None)]; {WRONG}"),
        ([[(0, math.nan)]], f"stroke 1 is [(0, nan)]; {WRONG}"),
        ([[(0, 1e200)]], f"stroke 1 is [(0, 1e+200)]; {WRONG}"),
        ([[(10**400, 1)]], f"stroke 1 is [(1{'0' * 57}…; {WRONG}"),
        ([[(10**5000, 1)]], f"stroke 1 is one with a number of thousands of digits; {WRONG}"),
    ],
)
def test_what_is_wrong_is_said(strokes: Any, complaint: str) -> None:
    with pytest.raises(ExampleError) as caught:
        encode(strokes)
    with pytest.raises(ExampleError):
        StrokeCodec(spacing=0).fit([example(strokes)])
    assert str(caught.value) == f"pen.tsv:3: {complaint}"


def test_missing_strokes_are_named() -> None:
    with pytest.raises(ExampleError, match=r"the field 'strokes' has no strokes; .*Did you mean"):
        StrokeCodec().encode(example(SEVEN, "stroke"))


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({"spacing": -0.1}, r"frontend.spacing=-0.1: expected 0 or more\."),
        ({"augment": {"rotate": -1.0}}, r"frontend.augment.rotate=-1.0: expected 0 or more\."),
    ],
)
def test_parameters_out_of_range(params: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        StrokeCodec(**params)


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


CASES: list[tuple[type[Frontend], str, dict[str, Any]]] = [
    (StrokeFrontend, "strokes", {}),
    (StrokeFrontend, "strokes", {"spacing": 0.0, "position": True}),
    (StrokeFrontend, "strokes", {"spacing": 0.3, "augment": {"rotate": 1.0}}),
    (VectorFrontend, "features", {}),
    (VectorFrontend, "features", {"scaling": "none", "size": 5}),
]


@pytest.mark.parametrize(("cls", "field", "params"), CASES)
@pytest.mark.parametrize("check", FRONTEND_CHECKS, ids=lambda check: check.__name__)
def test_they_keep_the_promises(
    check: Callable[[FrontendCase], None],
    cls: type[Frontend],
    field: str,
    params: dict[str, Any],
) -> None:
    check(FrontendCase(cls, examples({field: field}), params))
