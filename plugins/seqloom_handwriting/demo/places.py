"""Where the frames that a model saw are in what was sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqloom.interfaces import Arrays, FrontendCodec, Prediction
from seqloom_handwriting.images.codec import LineImageCodec
from seqloom_handwriting.strokes.codec import StrokeCodec
from seqloom_handwriting.strokes.geometry import size_of


@dataclass(frozen=True)
class Frames:
    """Where T frames are.

    Attributes:
        left: (T,), in the unit of the input's x.
        right: (T,).
        group: (T,), numbers that are equal for frames that belong together, as those of a stroke.
    """

    left: np.ndarray
    right: np.ndarray
    group: np.ndarray

    def groups(self, character: dict[str, Any]) -> set[int]:
        """Return the groups that a character's frames are of."""
        return set(self.group[self._span(character)].tolist())

    def ends(self, character: dict[str, Any], shared: set[int]) -> dict[str, float]:
        """Return between which x a character is: its groups, or its frames if others share these.

        CTC names a character at a frame or two; a stroke of its own says more of where it is.
        """
        own = self.groups(character)
        frames = self._span(character) if own & shared else np.isin(self.group, list(own))
        left, right = self.left[frames].min(), self.right[frames].max()
        return {"left": round(float(left), 2), "right": round(float(right), 2)}

    def _span(self, character: dict[str, Any]) -> slice:
        """Return a character's frames; ``start`` and ``end`` are shares of all."""
        count = len(self.left)
        start = min(round(character["start"] * count), count - 1)
        return slice(start, max(round(character["end"] * count), start + 1))


def placed(prediction: Prediction, codec: FrontendCodec, value: Any, item: Arrays) -> Prediction:
    """Return the prediction with ``left`` and ``right`` of each of its characters.

    Without these if there are no characters, or it is not known where the codec's frames are.

    Args:
        prediction: of the value.
        codec: of the frontend.
        value: strokes, or an image (H, W).
        item: the value encoded.
    """
    frames = _frames(codec, value, item)
    characters = prediction.get("characters")
    if frames is None or not characters:
        return prediction
    counts = Counter(group for one in characters for group in frames.groups(one))
    shared = {group for group, count in counts.items() if count > 1}
    return {**prediction, "characters": [one | frames.ends(one, shared) for one in characters]}


def _frames(codec: FrontendCodec, value: Any, item: Arrays) -> Frames | None:
    if isinstance(codec, StrokeCodec):
        return _of_points(codec, value, item)
    if isinstance(codec, LineImageCodec):
        return _of_columns(codec, value)
    return None


def _of_points(codec: StrokeCodec, strokes: Sequence[Any], item: Arrays) -> Frames:
    """Return the x of each point: the sum of all Δx up to it, which are in steps of the height."""
    points = [np.array(stroke, np.float64) for stroke in strokes]
    rows = item["strokes"].astype(np.float64)
    x = points[0][0, 0] + rows[:, 0].cumsum() * codec.step * size_of(points)
    pen_up = rows[:, 2]
    return Frames(x, x, pen_up.cumsum() - pen_up)  # how many strokes have ended before each point


def _of_columns(codec: LineImageCodec, image: np.ndarray) -> Frames:
    """Return the columns of each frame, in pixels of the image before it was scaled and padded."""
    height, width = image.shape
    margin, scale = codec.params.margin, codec.params.height / height
    scaled = max(1, round(width * scale))
    count = (scaled + 2 * margin) // codec.pooling.width
    ends = (np.arange(count + 1) * codec.pooling.width - margin) / scale
    ends = ends.clip(0, width)
    return Frames(ends[:-1], ends[1:], np.arange(count))
