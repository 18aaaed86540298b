"""The plots of a sweep's page, in the style of `seqloom.train.report.drawing`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seqloom.sweep.board import Spread
from seqloom.sweep.columns import natural, number, spans_widely
from seqloom.sweep.points import ABSENT
from seqloom.train.report.content import Curve, thinned
from seqloom.train.report.drawing import INK, LINE, PAPER, SERIES, figure, short

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# These stand out from white and from near-black alike.
PALETTE = ("#3b82d6", "#d9622b", "#2a9d74", "#a45bc4", "#b8860b", "#d1477f", "#5f8f1f", "#0e93a8")
TICKS = 12


def learning_curves(curves: Mapping[str, Sequence[Curve]], name: str) -> Figure:
    """Draw the curves of all trials, one colour per point.

    Args:
        curves: Curves of each point's trials, the best point first. The first points have their
            own colours, the others share the colour of the grid.
        name: Name of the metric.
    """
    drawn, axes = figure(height=4.2, width=9.0)
    for i, (point, trials) in reversed(list(enumerate(curves.items()))):
        coloured = i < len(PALETTE)
        for j, points in enumerate(trials):
            axes.plot(
                *zip(*thinned(points), strict=True),
                color=PALETTE[i] if coloured else LINE,
                label=short([point], most=44)[0] if coloured and j == 0 else None,
                lw=1.4 if coloured else 1.0,
                marker="o" if len(points) <= 30 else None,
                ms=2.5,
            )
    axes.set(xlabel="epoch", ylabel=name)
    axes.xaxis.get_major_locator().set_params(integer=True)
    handles, labels = axes.get_legend_handles_labels()
    drawn.legend(handles[::-1], labels[::-1], loc="outside right upper", frameon=False)
    return drawn


def error_bars(points: Sequence[tuple[str, Spread]], name: str) -> Figure:
    """Draw the mean of each point with its standard error and, thinner, its range over seeds.

    Args:
        points: Label and spread of each point, from top to bottom; the first has its own colour.
        name: Name of the metric.
    """
    drawn, axes = figure(height=0.9 + 0.28 * max(len(points), 2), width=9.0)
    for i, (_, found) in enumerate(points):
        error = found.sampling_error if found.error is None else found.error
        color = SERIES[0] if i else SERIES[1]
        axes.plot([found.low, found.high], [i, i], color=color, lw=1.0)
        axes.errorbar(found.mean, i, xerr=error, color=color, fmt="o", ms=4, lw=2.4)
    axes.set_yticks(range(len(points)), short([label for label, _ in points], most=40))
    axes.set(xlabel=name, ylim=(len(points) - 0.4, -0.6))
    axes.grid(visible=False, axis="y")
    return drawn


def importance_bars(shares: Mapping[str, float]) -> Figure:
    """Draw the importance of each key as a bar."""
    drawn, axes = figure(height=0.8 + 0.28 * max(len(shares), 2), width=9.0)
    axes.barh(range(len(shares)), [*shares.values()], color=SERIES[0], height=0.66)
    for i, share in enumerate(shares.values()):
        axes.text(share + 0.01, i, f"{share:.2f}", va="center", size=8, color=INK)
    axes.set_yticks(range(len(shares)), short([*shares], most=30))
    axes.set(xlabel="share of the variance", xlim=(0, 1.08), ylim=(len(shares) - 0.4, -0.6))
    axes.grid(visible=False, axis="y")
    return drawn


def parallel_coordinates(
    points: Sequence[Mapping[str, str]], scores: Sequence[float], name: str, higher_is_better: bool
) -> Figure:
    """Draw each point as a line over an axis for each key and, last, one for the metric.

    The better a point, the more opaque its line; the best has its own colour.

    Args:
        points: Values by key of each point.
        scores: Mean of the metric for each point.
        name: Name of the metric.
        higher_is_better: Whether higher values of the metric are better.
    """
    keys = list(points[0])
    drawn, axes = figure(height=4.2, width=max(6.0, min(1.9 * (len(keys) + 1), 14.0)))
    columns = [Axis([point[key] for point in points]) for key in keys]
    low, high = min(scores), max(scores)
    best = (max if higher_is_better else min)(range(len(scores)), key=lambda i: scores[i])
    for i in sorted(range(len(points)), key=lambda i: i == best):
        heights = [axis(points[i][key]) for axis, key in zip(columns, keys, strict=True)]
        share = (scores[i] - low) / (high - low) if high > low else 1.0
        goodness = share if higher_is_better else 1 - share
        axes.plot(
            range(len(keys) + 1),
            [*heights, share if high > low else 0.5],
            color=SERIES[1] if i == best else SERIES[0],
            alpha=1.0 if i == best else 0.2 + 0.6 * goodness,
            lw=2.4 if i == best else 1.3,
        )
    for x, ticks in enumerate([*(axis.ticks for axis in columns), _metric_ticks(low, high)]):
        _draw_axis(axes, x, ticks)
    axes.set_xticks(range(len(keys) + 1), short([*keys, name], most=22))
    axes.set(yticks=[], ylim=(-0.06, 1.06), xlim=(-0.25, len(keys) + 0.45))
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    return drawn


class Axis:
    """The positions of a key's values on its axis, from 0 to 1.

    Numbers are placed by their size, or its logarithm if their range is wide; other values at
    equal distances.

    Attributes:
        ticks: Positions and labels, at most 12.
    """

    def __init__(self, values: Sequence[str]) -> None:
        self.names = sorted(set(values), key=natural)
        numbers = [number(name) for name in self.names if name != ABSENT]
        sizes = [value for value in numbers if value is not None]
        self.absent = ABSENT in self.names
        self.numeric = bool(sizes) and len(sizes) == len(numbers)
        self.low, self.high = (min(sizes), max(sizes)) if self.numeric else (0.0, 1.0)
        self.log = spans_widely(self.low, self.high)
        every = math.ceil(len(self.names) / TICKS)
        self.ticks = [(self(name), name) for name in self.names[::every]]

    def __call__(self, name: str) -> float:
        """Return the height of a value."""
        if not self.numeric or self.low == self.high:
            return self.names.index(name) / (len(self.names) - 1) if len(self.names) > 1 else 0.5
        bottom = 0.12 if self.absent else 0.0  # an absent value is below all numbers
        if name == ABSENT:
            return 0.0
        scale = math.log if self.log else float
        low, high = scale(self.low), scale(self.high)
        return bottom + (1 - bottom) * (scale(float(name)) - low) / (high - low)


def _metric_ticks(low: float, high: float) -> list[tuple[float, str]]:
    if high == low:
        return [(0.5, f"{low:.4g}")]
    return [(i / 4, f"{low + i / 4 * (high - low):.4g}") for i in range(5)]


def _draw_axis(axes: Any, x: int, ticks: Sequence[tuple[float, str]]) -> None:
    axes.axvline(x, color=LINE, lw=1.2, zorder=0)
    labels = short([label for _, label in ticks], most=16)
    for (y, _), label in zip(ticks, labels, strict=True):
        box = {"facecolor": PAPER, "edgecolor": "none", "alpha": 0.8, "pad": 1}
        axes.text(x + 0.03, y, label, va="center", size=8, color=INK, bbox=box)
