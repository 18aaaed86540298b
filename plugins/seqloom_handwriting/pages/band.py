"""The geometry of a line: its baseline as a curve, and the band that it is cut out by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from seqloom_handwriting.pages.model import Points

Array = NDArray[np.float64]

MANY = 50  # vertices of a polygon from which on its spikes are left out
SPIKES = 2  # per cent of the vertices that count as such, on either side
PAIRS = 1 << 16  # of a point and a step of the curve that are measured at a time: a few megabytes


@dataclass(frozen=True)
class Curve:
    """A piecewise-linear baseline, continued straight beyond both of its ends.

    Attributes:
        points: (K, 2), x and y in pixels, no two in succession equal, the first left of the last.
    """

    points: Array

    @classmethod
    def along(cls, baseline: Points) -> Curve:
        """Return the curve of a baseline with at least two different points.

        One that runs to the left is turned round: it was drawn from its end. Writing that stands
        on its head is much rarer.
        """
        points = np.asarray(baseline, np.float64)
        moved = np.any(np.diff(points, axis=0) != 0, axis=1)
        points = points[np.concatenate(([True], moved))]
        across, down = points[-1] - points[0]
        return cls(points[::-1] if across < -abs(down) else points)

    @cached_property
    def _steps(self) -> Array:
        return np.asarray(np.diff(self.points, axis=0))  # (K-1, 2)

    @cached_property
    def _lengths(self) -> Array:
        return np.asarray(np.hypot(*self._steps.T))

    @cached_property
    def _starts(self) -> Array:
        return np.concatenate(([0.0], np.cumsum(self._lengths)))  # (K,)

    def at(self, along: Array) -> Array:
        """Return the points (N, 2) at these distances from the start, along the curve."""
        inside = np.searchsorted(self._starts[1:-1], along, side="right")
        beyond = (along - self._starts[inside]) / self._lengths[inside]
        return np.asarray(self.points[inside] + beyond[:, None] * self._steps[inside])

    def upwards(self, along: Array, reach: float) -> Array:
        """Return unit vectors (N, 2) across the curve, towards the tops of the letters.

        The direction is taken over ``reach`` pixels to either side: at the bends of a drawn
        baseline it turns slowly, so that no letter is torn.
        """
        chord = self.at(along + reach) - self.at(along - reach)
        chord /= np.maximum(np.hypot(*chord.T), 1e-9)[:, None]
        return np.stack([chord[:, 1], -chord[:, 0]], axis=1)

    def measure(self, points: Array) -> tuple[Array, Array]:
        """Return, of each point (N, 2), how far along the curve it lies and how far above it."""
        size = max(1, PAIRS // len(self._steps))
        parts = [self._measure(points[i : i + size]) for i in range(0, len(points), size)]
        along, above = map(np.concatenate, zip(*parts, strict=True))
        return along, above

    def _measure(self, points: Array) -> tuple[Array, Array]:
        offset = points[:, None] - self.points[None, :-1]  # (N, K-1, 2)
        share = (offset * self._steps).sum(-1) / self._lengths**2
        low = np.r_[-np.inf, np.zeros(len(self._steps) - 1)]
        high = np.r_[np.ones(len(self._steps) - 1), np.inf]
        share = np.clip(share, low, high)
        away = np.hypot(*np.moveaxis(offset - share[..., None] * self._steps, -1, 0))
        nearest = np.argmin(away, axis=1)
        rows = np.arange(len(points))
        x, y = offset[rows, nearest].T
        dx, dy = self._steps[nearest].T
        above = np.copysign(away[rows, nearest], dy * x - dx * y)
        return self._starts[nearest] + share[rows, nearest] * self._lengths[nearest], above


@dataclass(frozen=True, slots=True)
class Band:
    """What of the page a line takes: from ``start`` to ``end`` along its curve, in pixels.

    Attributes:
        curve: the baseline.
        start: where it begins; may be negative.
        end: where it ends.
        above: how far it reaches from the baseline towards the tops of the letters.
        below: how far it reaches the other way; ``above + below`` is positive.
    """

    curve: Curve
    start: float
    end: float
    above: float
    below: float


def band(curve: Curve, polygon: Points) -> Band:
    """Return the band that holds a polygon.

    A polygon of many vertices was traced by a program, round every speck: its outermost vertices
    on either side are left out, since one spike would make the whole line small.
    """
    along, above = curve.measure(np.asarray(polygon, np.float64))
    trim = SPIKES if len(above) >= MANY else 0
    bottom, top = np.percentile(above, [trim, 100 - trim])
    return Band(curve, along.min(), along.max(), float(top), -float(bottom))
