"""Where the frames that a model saw are in what was sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from seqloom.interfaces import FrontendCodec, Item, Prediction
from seqloom_handwriting.images.codec import LineImageCodec
from seqloom_handwriting.strokes.codec import StrokeCodec
from seqloom_handwriting.strokes.geometry import size_of

Edges = tuple[np.ndarray, np.ndarray]
"""The left and the right end of each frame, (T,) each, in the unit of the input's x."""


def placed(prediction: Prediction, codec: FrontendCodec, value: Any, item: Item) -> Prediction:
    """Return the prediction with ``left`` and ``right`` of each of its characters.

    Without these if there are no characters, or it is not known where the codec's frames are.

    Args:
        prediction: of the value.
        codec: of the frontend.
        value: strokes, or an image (H, W).
        item: the value encoded.
    """
    edges = _edges(codec, value, item)
    characters = prediction.get("characters")
    if edges is None or not characters:
        return prediction
    return {**prediction, "characters": [one | _ends(one, *edges) for one in characters]}


def _ends(character: dict[str, Any], lefts: np.ndarray, rights: np.ndarray) -> dict[str, float]:
    """Return between which x a character's frames are; ``start`` and ``end`` are shares of all."""
    start = min(round(character["start"] * len(lefts)), len(lefts) - 1)
    end = max(round(character["end"] * len(lefts)), start + 1)
    left, right = lefts[start:end].min(), rights[start:end].max()
    return {"left": round(float(left), 2), "right": round(float(right), 2)}


def _edges(codec: FrontendCodec, value: Any, item: Item) -> Edges | None:
    if isinstance(codec, StrokeCodec):
        return _of_points(codec, value, item)
    if isinstance(codec, LineImageCodec):
        return _of_columns(codec, value)
    return None


def _of_points(codec: StrokeCodec, strokes: Sequence[Any], item: Item) -> Edges:
    """Return the x of each point: the sum of all Δx up to it, which are in steps of the height."""
    points = [np.array(stroke, np.float64) for stroke in strokes]
    steps = item["strokes"][:, 0].astype(np.float64)
    x = points[0][0, 0] + steps.cumsum() * codec.step * size_of(points)
    return x, x


def _of_columns(codec: LineImageCodec, image: np.ndarray) -> Edges:
    """Return the columns of each frame, in pixels of the image before it was scaled and padded."""
    height, width = image.shape
    margin, scale = codec.params.margin, codec.params.height / height
    scaled = max(1, round(width * scale))
    frames = (scaled + 2 * margin) // codec.pooling.width
    ends = (np.arange(frames + 1) * codec.pooling.width - margin) / scale
    ends = ends.clip(0, width)
    return ends[:-1], ends[1:]
