"""The frontend ``strokes``: pen strokes, point by point."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seqloom.errors import ExampleError, kind_of
from seqloom.interfaces import (
    Arrays,
    Example,
    Features,
    Frontend,
    FrontendCodec,
    Inputs,
    View,
)
from seqloom_handwriting.fields import HEIGHT, WIDTH, not_shown, require_field
from seqloom_handwriting.schemas.frontends import PenStrokes

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
            ExampleError: An example has no strokes, or strokes that are not lists of points.
        """
        if self.params.spacing:
            return {"step": self.params.spacing}
        lengths = np.concatenate([_steps(self._strokes(example)) for example in examples])
        return {"step": float(lengths.mean()) if lengths.any() else 1.0}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore the step."""
        self.step = float(state["step"])

    def encode(self, example: Example) -> Arrays:
        """Return ``strokes`` (T, 3) or (T, 5) float32.

        Raises:
            ExampleError: The strokes are missing, or are not lists of points.
        """
        values = rows(self._strokes(example), self.params.position)
        values[:, :2] /= self.step
        return {"strokes": values.astype(np.float32)}

    def augment(self, arrays: Arrays, rng: np.random.Generator) -> Arrays:
        """Return the arrays with the strokes rotated, slanted and stretched.

        All of these are linear, so differences and positions change as the points do.
        """
        limits = self.params.augment
        bounds = np.array([limits.rotate, limits.slant, limits.stretch])
        matrix = transform(*rng.uniform(-bounds, bounds)).astype(np.float32)
        values = arrays["strokes"].copy()
        values[:, :2] = values[:, :2] @ matrix
        if self.params.position:
            values[:, 3:] = values[:, 3:] @ matrix
        return {**arrays, "strokes": values}

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

    def cost(self, arrays: Arrays) -> int:
        """Return the number of points."""
        return len(arrays["strokes"])

    def frames(self, arrays: Arrays) -> int:
        """Return the number of points."""
        return len(arrays["strokes"])

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
            f"{name!r} holds {kind_of(value)}; expected a list of strokes, each a list of "
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


_FLAT = 10
"""A stroke so many times as wide as all the writing is high is a dash, not a line of writing."""

Stroke = np.ndarray
"""Points (N, 2) float64: x, and y growing downwards."""


def size_of(strokes: Sequence[Stroke]) -> float:
    """Return the height of the writing, in its own unit.

    Of a dash, whose height is but a tremor, it is the width; of a single dot it is 1.

    >>> size_of([np.array([[0.0, 0.0], [3.0, 8.0]])])
    8.0
    >>> size_of([np.array([[0.0, 0.0], [30.0, 1.0]])])
    30.0
    """
    width, height = np.ptp(np.concatenate(strokes), axis=0).tolist()
    widest = max(float(np.ptp(stroke[:, 0])) for stroke in strokes)
    if height > 0 and widest <= _FLAT * height:
        return float(height)
    return float(widest or width or 1.0)


def resample(stroke: Stroke, distance: float) -> Stroke:
    """Return a stroke's points at equal distances along it, both its ends among them.

    The distance is changed so that it divides the length; a dot stays one point.

    >>> resample(np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 1.0]]), 2.1).tolist()
    [[0.0, 0.0], [2.0, 0.0], [3.0, 1.0]]
    """
    steps = np.hypot(*np.diff(stroke, axis=0).T)
    reached = np.concatenate([[0.0], steps.cumsum()])
    length = reached[-1]
    if length == 0:
        return stroke[:1]
    places = np.linspace(0.0, length, max(1, round(length / distance)) + 1)
    return np.stack([np.interp(places, reached, axis) for axis in stroke.T], axis=1)


def rows(strokes: Sequence[Stroke], position: bool) -> np.ndarray:
    """Return a row for each point, (T, 3) or (T, 5) float64.

    The columns are Δx and Δy from the point before, also over the gap between two strokes, and
    pen-up, 1 at a stroke's last point; with ``position`` also x and y from the middle of all.
    """
    points = np.concatenate(strokes)
    ends = np.cumsum([len(stroke) for stroke in strokes]) - 1
    pen_up = np.zeros((len(points), 1))
    pen_up[ends] = 1.0
    columns = [np.diff(points, axis=0, prepend=points[:1]), pen_up]
    if position:
        columns.append(points - (points.min(0) + points.max(0)) / 2)
    return np.concatenate(columns, axis=1)


def transform(rotate: float, slant: float, stretch: float) -> np.ndarray:
    """Return the matrix (2, 2) that stretches, slants and then rotates points (N, 2) @ matrix.

    Args:
        rotate: Angle in radians, from x towards y.
        slant: How far x moves for each y.
        stretch: U; the width grows by e^u against the height, the area stays.
    """
    stretched = np.diag([math.exp(stretch / 2), math.exp(-stretch / 2)])
    slanted = np.array([[1.0, 0.0], [slant, 1.0]])
    cos, sin = math.cos(rotate), math.sin(rotate)
    matrix: np.ndarray = stretched @ slanted @ np.array([[cos, sin], [-sin, cos]])
    return matrix


class StrokeFrontend(Frontend):
    """Returns the rows of the codec unchanged; it has no weights.

    Args:
        codec: Codec with its state.
        params: Parameters; see ``seqloom_handwriting.schemas.frontends.PenStrokes``.

    Attributes:
        output_size: 3 for Δx, Δy and pen-up; 5 with x and y.
    """

    def __init__(self, codec: StrokeCodec, **params: Any) -> None:
        super().__init__()
        self.output_size = codec.columns

    @classmethod
    def make_codec(cls, **params: Any) -> StrokeCodec:
        """Return an unfitted codec for the component's parameters.

        Raises:
            ConfigError: A parameter is out of its range.
        """
        return StrokeCodec(**params)

    def forward(self, inputs: Inputs) -> Features:
        """Return the rows of ``strokes`` (B, T, D)."""
        return Features(inputs["strokes"], inputs.lengths["strokes"])
