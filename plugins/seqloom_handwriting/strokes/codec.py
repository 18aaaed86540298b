"""Pen strokes as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seqloom.errors import ExampleError
from seqloom.interfaces import Arrays, Example, FrontendCodec, View
from seqloom_handwriting.fields import HEIGHT, WIDTH, not_shown, require_field
from seqloom_handwriting.schemas.frontends import PenStrokes
from seqloom_handwriting.strokes.geometry import Stroke, resample, rows, size_of, transform

_FARTHEST = 1e30
"""The greatest coordinate: beyond it, squares of distances might not be finite."""

EDGE = 2
"""Pixels around a drawing."""


class StrokeCodec(FrontendCodec):
    """Encodes pen strokes as ``strokes`` (T, 3), Δx, Δy and pen-up, or (T, 5), with x and y.

    Differences are in the step between two points of a stroke: ``spacing``, or the mean step of the
    training examples, which is the state. Positions are in heights of the writing.
    """

    def __init__(self, **params: Any) -> None:
        self.params = PenStrokes(**params)
        self.columns = 5 if self.params.position else 3
        self.restore({"step": self.params.spacing or 1.0})

    def fields(self, value: Any) -> dict[str, Any] | None:
        """Return the fields of bare strokes."""
        return {self.params.field: value} if isinstance(value, list | tuple) else None

    def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Return the step between two points, in heights of the writing.

        Raises:
            ExampleError: an example has no strokes, or others than of points.
        """
        if self.params.spacing:
            return {"step": self.params.spacing}
        lengths = np.concatenate([_steps(self._strokes(example)) for example in examples])
        return {"step": float(lengths.mean()) if lengths.any() else 1.0}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up the step."""
        self.step = float(state["step"])

    def encode(self, example: Example) -> Arrays:
        """Return ``strokes`` (T, 3) or (T, 5) float32.

        Raises:
            ExampleError: there are no strokes, or others than of points.
        """
        values = rows(self._strokes(example), self.params.position)
        values[:, :2] /= self.step
        return {"strokes": values.astype(np.float32)}

    def augment(self, item: Arrays, rng: np.random.Generator) -> Arrays:
        """Return the item with its strokes rotated, slanted and stretched.

        All of these are linear, so differences and positions change as the points do.
        """
        limits = self.params.augment
        bounds = np.array([limits.rotate, limits.slant, limits.stretch])
        matrix = transform(*rng.uniform(-bounds, bounds)).astype(np.float32)
        values = item["strokes"].copy()
        values[:, :2] = values[:, :2] @ matrix
        if self.params.position:
            values[:, 3:] = values[:, 3:] @ matrix
        return {**item, "strokes": values}

    def show(self, example: Example) -> View:
        """Return the strokes as lines, each step at its point; else why they are missing."""
        try:
            strokes = _read(example, self.params.field)
            html, left, scale, width = _drawn(strokes)
            size = size_of(strokes)
        except (ExampleError, ValueError) as error:
            return not_shown(error)
        points = np.concatenate(self._strokes(example))[:, 0] * size
        places = ((points - left) * scale + EDGE).tolist()
        return View(html, width, [(place, place) for place in places])

    def cost(self, item: Arrays) -> int:
        """Return the number of points."""
        return len(item["strokes"])

    def frames(self, item: Arrays) -> int:
        """Return the number of points."""
        return len(item["strokes"])

    def _strokes(self, example: Example) -> list[Stroke]:
        """Return the strokes in heights of the writing, resampled."""
        strokes = _read(example, self.params.field)
        size = size_of(strokes)
        scaled = [stroke / size for stroke in strokes]
        spacing = self.params.spacing
        return [resample(stroke, spacing) for stroke in scaled] if spacing else scaled


def _read(example: Example, name: str) -> list[Stroke]:
    """Return the strokes of an example as they are."""
    value = require_field(example, name, "strokes")
    if not isinstance(value, list | tuple):
        raise ExampleError(
            example,
            f"{name!r} holds a {type(value).__name__}; expected a list of strokes, each a list of "
            "points (x, y).",
        )
    if not value:
        raise ExampleError(example, f"{name!r} has no stroke; leave out examples without any.")
    return [_stroke(example, stroke, number) for number, stroke in enumerate(value, start=1)]


def _stroke(example: Example, stroke: Any, number: int) -> Stroke:
    try:
        points = np.array(stroke, np.float64)
    except (TypeError, ValueError, OverflowError):
        points = np.array(np.nan)
    if points.ndim != 2 or points.shape[1] != 2 or not (np.abs(points) <= _FARTHEST).all():
        raise ExampleError(
            example,
            f"stroke {number} is {_short(stroke)}; expected one or more points, each a pair (x, y) "
            "of finite numbers.",
        )
    return points


def _short(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python refuses to write out whole numbers of thousands of digits
        return "one with a number of thousands of digits"
    return text if len(text) <= 60 else f"{text[:60]}…"


def _steps(strokes: Sequence[Stroke]) -> np.ndarray:
    """Return the distances between neighbouring points of the same stroke."""
    return np.concatenate([np.hypot(*np.diff(stroke, axis=0).T) for stroke in strokes])


def _drawn(strokes: Sequence[Stroke]) -> tuple[str, float, float, int]:
    """Return SVG of strokes, where they start at the left, pixels a unit, and the width."""
    points = np.concatenate(strokes)
    low, high = points.min(0), points.max(0)
    size = np.maximum(high - low, 1e-6)
    scale = float(min(WIDTH / size[0], HEIGHT / size[1]))
    lines = "".join(_polyline((stroke - low) * scale + EDGE) for stroke in strokes)
    w, h = size * scale + 2 * EDGE
    drawing = (
        f'<svg viewBox="0 0 {w:.1f} {h:.1f}" style="width:{w:.0f}px;max-width:100%;display:block;'
        'background:#fff" fill="none" stroke="#123" stroke-width="2" stroke-linecap="round">'
        f"{lines}</svg>"
    )
    return drawing, float(low[0]), scale, round(w)


def _polyline(points: np.ndarray) -> str:
    if len(points) == 1:  # a dot is only seen as a line to itself
        points = points.repeat(2, axis=0)
    return '<polyline points="{}"/>'.format(" ".join(f"{x:.1f},{y:.1f}" for x, y in points))
