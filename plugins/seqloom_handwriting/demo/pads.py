"""The pads for handwriting: requests become strokes or images, each character gets its place."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqloom.errors import DataError, TooLargeError
from seqloom.files import parse_json
from seqloom.interfaces import Arrays, FrontendCodec, PadInput, Prediction
from seqloom_handwriting.images.codec import LineImageCodec
from seqloom_handwriting.images.file import decode
from seqloom_handwriting.strokes import StrokeCodec, size_of

MOST_POINTS = 20_000


class StrokePad(PadInput):
    """Reads pen strokes; the page places the characters itself."""

    rendered = False

    def value(self, body: bytes) -> list[Any]:
        """Return the strokes; see `strokes_of`."""
        return strokes_of(body)

    def place(
        self, prediction: Prediction, codec: FrontendCodec, value: Any, arrays: Arrays
    ) -> Prediction:
        """Return the prediction with the place of each character; see `placed`."""
        return placed(prediction, codec, value, arrays)


class ImagePad(StrokePad):
    """Reads images of lines: files, or what was written on the page."""

    def value(self, body: bytes) -> Any:
        """Return the image; see `image_of`."""
        return image_of(body)

    def about(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the ink that the model reads, which the page draws with."""
        return {"ink": params.get("ink", "dark")}


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

        CTC emits a character at a frame or two; a stroke that belongs to it alone is more precise.
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


def placed(prediction: Prediction, codec: FrontendCodec, value: Any, arrays: Arrays) -> Prediction:
    """Return the prediction with ``left`` and ``right`` of each of its characters.

    Without these if there are no characters, or the places of the codec's frames are unknown.

    Args:
        prediction: Prediction for the value.
        codec: Codec of the frontend.
        value: Strokes, or an image (H, W).
        arrays: Encoded value.
    """
    frames = _frames(codec, value, arrays)
    characters = prediction.get("characters")
    if frames is None or not characters:
        return prediction
    counts = Counter(group for one in characters for group in frames.groups(one))
    shared = {group for group, count in counts.items() if count > 1}
    return {**prediction, "characters": [one | frames.ends(one, shared) for one in characters]}


def _frames(codec: FrontendCodec, value: Any, arrays: Arrays) -> Frames | None:
    if isinstance(codec, StrokeCodec):
        return _of_points(codec, value, arrays)
    if isinstance(codec, LineImageCodec):
        edges = codec.frame_edges(*value.shape)
        return Frames(edges[:-1], edges[1:], np.arange(len(edges) - 1))
    return None


def _of_points(codec: StrokeCodec, strokes: Sequence[Any], arrays: Arrays) -> Frames:
    """Return the x of each point: the sum of all Δx up to it, which are in steps of the height."""
    points = [np.array(stroke, np.float64) for stroke in strokes]
    rows = arrays["strokes"].astype(np.float64)
    x = points[0][0, 0] + rows[:, 0].cumsum() * codec.step * size_of(points)
    pen_up = rows[:, 2]
    return Frames(x, x, pen_up.cumsum() - pen_up)  # how many strokes have ended before each point


def strokes_of(body: bytes) -> list[Any]:
    """Return the strokes in ``{"strokes": [[[x, y], …], …]}``; their points are not checked.

    Raises:
        DataError: The request is not such JSON.
        TooLargeError: It has too many points.
    """
    expected = 'Expected JSON: {"strokes": [[[x, y], …], …]}.'
    if body.count(b"[") + body.count(b"{") > 3 * MOST_POINTS:  # before objects are made of them
        raise TooLargeError(f"The writing has more than {MOST_POINTS} points. Write less.")
    try:
        sent = parse_json(body.decode())
    except ValueError as error:
        raise DataError(f"The request is not JSON. {expected}") from error
    strokes = sent.get("strokes") if isinstance(sent, dict) else None
    if not isinstance(strokes, list) or not strokes:
        raise DataError(f"The request has no strokes. {expected}")
    points = sum(len(stroke) for stroke in strokes if isinstance(stroke, list))
    if points > MOST_POINTS:
        raise TooLargeError(
            f"The writing has {points} points; up to {MOST_POINTS} can be read at a time. Write "
            "less, or send fewer points."
        )
    return strokes


def image_of(body: bytes) -> np.ndarray:
    """Return the gray levels of an image file, (H, W) uint8.

    Raises:
        DataError: The image cannot be decoded.
    """
    try:
        return decode(io.BytesIO(body), "The request")
    except ValueError as error:
        raise DataError(str(error)) from error
