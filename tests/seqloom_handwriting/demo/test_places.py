"""Where a model's frames are in what was sent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.interfaces import Example, FrontendCodec
from seqloom_handwriting.demo.places import placed
from seqloom_handwriting.images.codec import LineImageCodec
from seqloom_handwriting.strokes.codec import StrokeCodec
from seqloom_handwriting.strokes.vectors_codec import VectorCodec

coordinates = st.integers(-500, 500)
strokes_of_points = st.lists(
    st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=6), min_size=1, max_size=4
)


def places(codec: FrontendCodec, field: str, value: Any) -> list[tuple[float, float]]:
    """Return where each frame is, each taken as a character."""
    item = codec.encode(Example("it", {field: value}))
    count = codec.frames(item)
    characters = [
        {"character": "x", "start": round(i / count, 5), "end": round((i + 1) / count, 5)}
        for i in range(count)
    ]
    found = placed({"text": "x" * count, "characters": characters}, codec, value, item)
    assert found["text"] == "x" * count
    return [(one["left"], one["right"]) for one in found["characters"]]


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


def test_a_character_of_several_frames_has_the_place_of_all() -> None:
    strokes = [[(0, 0), (30, 10), (20, 20), (5, 30)]]
    codec = StrokeCodec(spacing=0)
    item = codec.encode(Example("it", {"strokes": strokes}))
    prediction = {"characters": [{"character": "a", "start": 0.25, "end": 1.0}]}
    [found] = placed(prediction, codec, strokes, item)["characters"]
    assert (found["left"], found["right"]) == (5, 30)


def test_without_characters_or_known_frames_nothing_is_said_of_places() -> None:
    prediction = {"characters": [{"character": "a", "start": 0.0, "end": 1.0}]}
    assert placed(prediction, VectorCodec(), [], {}) is prediction
    label = {"label": "7"}
    strokes = [[(0, 0), (3, 4)]]
    codec = StrokeCodec()
    item = codec.encode(Example("it", {"strokes": strokes}))
    assert placed(label, codec, strokes, item) is label
