"""The geometry of pen strokes: size, resampling, and the rows that a network reads."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

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
        rotate: in radians, from x towards y.
        slant: how far x moves for each y.
        stretch: u; the width grows by e^u against the height, the area stays.
    """
    stretched = np.diag([math.exp(stretch / 2), math.exp(-stretch / 2)])
    slanted = np.array([[1.0, 0.0], [slant, 1.0]])
    cos, sin = math.cos(rotate), math.sin(rotate)
    matrix: np.ndarray = stretched @ slanted @ np.array([[cos, sin], [-sin, cos]])
    return matrix
