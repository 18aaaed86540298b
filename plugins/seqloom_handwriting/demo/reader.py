"""What the demo does with a request: bytes in, a prediction out, each character with its place."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqloom import Pipeline
from seqloom.errors import ConfigError, DataError, ExampleError
from seqloom.files import parse_json
from seqloom.interfaces import Arrays, FrontendCodec, Prediction
from seqloom.plugins import registry
from seqloom_handwriting.images.codec import LineImageCodec
from seqloom_handwriting.images.file import decode
from seqloom_handwriting.strokes import StrokeCodec, size_of

MOST_BYTES = 16 * 1024 * 1024
MOST_POINTS = MOST_FRAMES = 20_000


class Reader:
    """Reads what the page sends.

    Args:
        pipeline: Pipeline that was loaded from a bundle.
        name: Name of the model for people.

    Attributes:
        takes: ``strokes`` or ``image``.

    Raises:
        ConfigError: The model reads neither of them.
    """

    def __init__(self, pipeline: Pipeline, name: str) -> None:
        self.pipeline = pipeline
        self.name = name
        self.takes = _taken(pipeline)

    def read(self, body: bytes) -> Prediction:
        """Return the prediction, with the place of each character.

        Raises:
            DataError: The body is not what the model reads.
            TooLargeError: The input is too long.
        """
        value = PARSERS[self.takes](body)
        codecs = self.pipeline.codecs
        try:
            example = codecs.frontend.prepare(self.pipeline.example(value))
            row = codecs.encode_inputs(example)
        except ExampleError as error:
            raise DataError(error.problem) from error
        if row.frames > MOST_FRAMES:
            raise TooLargeError(
                f"The writing is {row.frames} steps long; up to {MOST_FRAMES} can be read at a "
                "time. Write less."
            )
        [(_, prediction)] = self.pipeline.predict_encoded([row])
        return placed(prediction, codecs.frontend, value, row.inputs)

    def about(self) -> dict[str, Any]:
        """Return what the page shows and needs to know about the model."""
        info = self.pipeline.info
        sections = {kind: part["section"] for kind, part in info["components"].items()}
        parts = {kind: section["name"] for kind, section in sections.items()}
        if info["data"]:
            parts["data"] = info["data"]["name"]
        return {
            "name": self.name,
            "takes": self.takes,
            "ink": sections["frontend"].get("ink", "dark"),
            "parts": parts,
            "parameters": sum(weight.numel() for weight in self.pipeline.model.parameters()),
            "symbols": _symbols(self.pipeline),
            "metrics": info["metrics"],
            "version": info["versions"].get("seqloom", ""),
        }


def _taken(pipeline: Pipeline) -> str:
    """Return what the model's frontend takes."""
    name = pipeline.info["components"]["frontend"]["section"]["name"]
    taken = {kind for kinds in registry().find("frontend", name).takes.values() for kind in kinds}
    for kind in PARSERS:
        if kind in taken:
            return kind
    raise ConfigError(
        f"This model has frontend={name}, which reads {', '.join(sorted(taken)) or 'anything'}; "
        "the demo is for handwriting. Pass a model that was trained with frontend=strokes or "
        "frontend=line_image."
    )


def _symbols(pipeline: Pipeline) -> list[str]:
    """Return what the model can read: characters or classes, if its head knows a list of them."""
    codec = pipeline.codecs.heads[pipeline.head_name]
    return list(getattr(codec, "alphabet", None) or getattr(codec, "classes", None) or ())


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


def placed(prediction: Prediction, codec: FrontendCodec, value: Any, item: Arrays) -> Prediction:
    """Return the prediction with ``left`` and ``right`` of each of its characters.

    Without these if there are no characters, or the places of the codec's frames are unknown.

    Args:
        prediction: Prediction for the value.
        codec: Codec of the frontend.
        value: Strokes, or an image (H, W).
        item: Encoded value.
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
        edges = codec.frame_edges(*value.shape)
        return Frames(edges[:-1], edges[1:], np.arange(len(edges) - 1))
    return None


def _of_points(codec: StrokeCodec, strokes: Sequence[Any], item: Arrays) -> Frames:
    """Return the x of each point: the sum of all Δx up to it, which are in steps of the height."""
    points = [np.array(stroke, np.float64) for stroke in strokes]
    rows = item["strokes"].astype(np.float64)
    x = points[0][0, 0] + rows[:, 0].cumsum() * codec.step * size_of(points)
    pen_up = rows[:, 2]
    return Frames(x, x, pen_up.cumsum() - pen_up)  # how many strokes have ended before each point


class TooLargeError(DataError):
    """A request is too large."""


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


PARSERS = {"strokes": strokes_of, "image": image_of}
"""Parsers of requests, by the kind of value that a frontend reads."""
