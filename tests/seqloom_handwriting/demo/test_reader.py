"""Where a model's frames are in what was sent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.interfaces import Example, FrontendCodec
from seqloom_handwriting.demo.pads import placed
from seqloom_handwriting.images.codec import LineImageCodec
from seqloom_handwriting.strokes import StrokeCodec
from seqloom_handwriting.vectors import VectorCodec

coordinates = st.integers(-500, 500)
strokes_of_points = st.lists(
    st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=6), min_size=1, max_size=4
)


def places(codec: FrontendCodec, field: str, value: Any) -> list[tuple[float, float]]:
    """Return where each frame is, each taken as a character, and one more in all frames."""
    item = codec.encode(Example("it", {field: value}))
    count = codec.frames(item)
    characters = [
        {"character": "x", "start": round(i / count, 5), "end": round((i + 1) / count, 5)}
        for i in range(count)
    ]
    # So no stroke is that of one character only.
    characters.append({"character": "x", "start": 0.0, "end": 1.0})
    found = placed({"text": "x" * (count + 1), "characters": characters}, codec, value, item)
    assert found["text"] == "x" * (count + 1)
    return [(one["left"], one["right"]) for one in found["characters"][:-1]]


@given(strokes_of_points)
def test_points_are_where_they_were(strokes: list[list[tuple[int, int]]]) -> None:
    codec = StrokeCodec(spacing=0)  # the points as they are: each a frame
    found = places(codec, "strokes", strokes)
    assert [left for left, _ in found] == [right for _, right in found]
    expected = [x for stroke in strokes for x, _ in stroke]
    assert [left for left, _ in found] == pytest.approx(expected, abs=0.02)


def test_points_between_are_along_the_stroke() -> None:
    strokes = [[(10, 0), (10, 100), (60, 100)]]  # 100 down, 50 to the right
    found = places(StrokeCodec(spacing=0.25), "strokes", strokes)
    assert [left for left, _ in found] == [10, 10, 10, 10, 10, 35, 60]


@given(st.integers(1, 6), st.integers(40, 90))
def test_columns_of_an_image(factor: int, width: int) -> None:
    margin = 4
    codec = LineImageCodec(height=16, channels=[1, 1], pooling=["2x2", "2x2"], margin=margin)
    image = np.zeros((16 * factor, width * factor), np.uint8)
    found = places(codec, "image", image)
    assert len(found) == (width + 2 * margin) // 4
    for number, ends in enumerate(found):
        scaled = (4 * number - margin, 4 * number + 4 - margin)
        assert ends == tuple(min(max(x, 0), width) * factor for x in scaled)


SEVEN = [[(0, 0), (30, 0), (10, 40)], [(5, 20), (35, 20)]]  # with a bar
WORD = [[(50, 0), (60, 40), (80, 0), (90, 40)]]  # several letters in a stroke


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([(0, 1), (5, 6)], [(0, 30), (50, 90)]),  # a stroke of its own is its place
        ([(1, 5), (8, 9)], [(0, 35), (50, 90)]),  # or two of them
        ([(1, 2), (5, 6), (7, 9)], [(0, 30), (50, 50), (80, 90)]),  # or its frames in a shared one
        ([(0, 1), (1, 3)], [(0, 0), (10, 30)]),
    ],
)
def test_the_place_of_a_character(
    spans: list[tuple[int, int]], expected: list[tuple[float, float]]
) -> None:
    strokes = SEVEN + WORD
    codec = StrokeCodec(spacing=0)
    item = codec.encode(Example("it", {"strokes": strokes}))
    characters = [{"character": "a", "start": a / 9, "end": b / 9} for a, b in spans]
    found = placed({"characters": characters}, codec, strokes, item)["characters"]
    assert [(one["left"], one["right"]) for one in found] == expected


def test_without_characters_or_known_frames_nothing_is_said_of_places() -> None:
    prediction = {"characters": [{"character": "a", "start": 0.0, "end": 1.0}]}
    assert placed(prediction, VectorCodec(), [], {}) is prediction
    label = {"label": "7"}
    strokes = [[(0, 0), (3, 4)]]
    codec = StrokeCodec()
    item = codec.encode(Example("it", {"strokes": strokes}))
    assert placed(label, codec, strokes, item) is label
