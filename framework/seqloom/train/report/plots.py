"""The plots of a report, in the style of `seqloom.train.report.drawing`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from seqloom.interfaces.head import Matrix, Table
from seqloom.train.report.content import Curve, Report, best, best_row, curve, is_number, thinned
from seqloom.train.report.drawing import (
    INK,
    LINE,
    PAPER,
    SERIES,
    figure,
    has_matplotlib,
    short,
    style,
    to_svg,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_CLASSES = 40
MOST_BARS = 30
ROOMY_CLASSES = 12


@dataclass
class Plot:
    """A plot of the page.

    Attributes:
        title: Title.
        svg: Drawing; empty without matplotlib.
        remark: Remark below the drawing.
        wide: Whether it takes the full width of the page.
    """

    title: str
    svg: str
    remark: str = ""
    wide: bool = False


@dataclass
class Figures:
    """The plots by section of the page."""

    available: bool
    curves: list[Plot] = field(default_factory=list)
    bars: list[Plot] = field(default_factory=list)
    matrices: list[Plot] = field(default_factory=list)
    lengths: list[Plot] = field(default_factory=list)


class _Artist:
    """Draws plots with unique names, or leaves them empty."""

    def __init__(self, available: bool) -> None:
        self.available = available
        self.number = 0

    def __call__(self, title: str, draw: Callable[[], Figure], remark: str = "") -> Plot:
        if not self.available:
            return Plot(title, "", remark)
        self.number += 1
        return Plot(title, to_svg(draw(), f"plot{self.number}", title), remark)


def figures_of(report: Report) -> Figures:
    """Draw the plots that the report has data for."""
    available = has_matplotlib()
    artist = _Artist(available)
    if not available:
        return _figures(report, artist)
    with style():
        return _figures(report, artist)


def _figures(report: Report, artist: _Artist) -> Figures:
    scored = [table for table in report.tables if score_column(table) >= 0]
    return Figures(
        available=artist.available,
        curves=_curves(report, artist),
        bars=[_bars(table, artist) for table in scored],
        matrices=[_matrix(matrix, artist) for matrix in report.matrices if matrix.labels],
        lengths=_lengths(report, artist),
    )


def _curves(report: Report, artist: _Artist) -> list[Plot]:
    train, val = curve(report.history, "train/loss"), curve(report.history, "val/loss")
    monitored = curve(report.history, report.monitor_key, "epoch")
    name, higher, row = report.monitor_key, report.higher_is_better, best_row(report)
    found = [artist("Loss", lambda: loss_curves(train, val))] if train or val else []
    if monitored and row:
        marked = (float(row["epoch"]), float(row[name])) if is_number(row.get("epoch")) else None
        found.append(artist(name, lambda: monitor_curve(monitored, name, higher, marked)))
    return found


def _lengths(report: Report, artist: _Artist) -> list[Plot]:
    if not any(report.lengths.values()):
        return []
    return [artist("Lengths", lambda: length_histogram(report.lengths))]


def _bars(table: Table, artist: _Artist) -> Plot:
    left_out = len(table.rows) - MOST_BARS
    remark = f"The first {MOST_BARS} rows; the table has all." if left_out > 0 else ""
    return artist(f"{table.title}: f1", lambda: score_bars(table), remark)


def _matrix(matrix: Matrix, artist: _Artist) -> Plot:
    most = MOST_CLASSES
    remark = f"The {most} most frequent classes of {len(matrix.labels)}; the table has all."
    plot = artist(matrix.title, lambda: confusion(matrix))
    plot.wide = is_crowded(matrix)
    plot.remark = remark if len(matrix.labels) > most else ""
    return plot


def loss_curves(train: Curve, val: Curve) -> Figure:
    """Draw the training loss by step, and the validation loss over it."""
    drawn, axes = figure()
    if train:
        axes.plot(*zip(*thinned(train), strict=True), color=SERIES[0], label="train", lw=1.3)
    if val:
        axes.plot(*zip(*val, strict=True), color=SERIES[1], label="val", marker="o", ms=3.5)
    axes.set(xlabel="step", ylabel="loss")
    axes.legend()
    return drawn


def monitor_curve(
    points: Curve, name: str, higher_is_better: bool, marked: tuple[float, float] | None = None
) -> Figure:
    """Draw the monitored metric by epoch, its best value marked.

    Args:
        points: Values by epoch.
        name: Name of the metric.
        higher_is_better: Whether higher values of it are better.
        marked: Best point; None: the first of those with the best value.
    """
    drawn, axes = figure()
    axes.plot(*zip(*points, strict=True), color=SERIES[0], marker="o", ms=3.5)
    x, y = marked or best(points, higher_is_better)
    axes.plot([x], [y], "o", ms=10, mfc="none", mec=SERIES[1], mew=2)
    lowest, highest = min(p[1] for p in points), max(p[1] for p in points)
    below = 2 * y > lowest + highest  # the text stays inside the plot
    where = {"xytext": (0, -17 if below else 11), "textcoords": "offset points", "ha": "center"}
    axes.annotate(f"best {y:.4g}", (x, y), **where, color=INK, weight="bold")
    axes.set(xlabel="epoch", ylabel=name)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.margins(x=0.12, y=0.12)
    return drawn


def confusion(matrix: Matrix) -> Figure:
    """Draw the counts, shaded by their share of the true class's row.

    Of more than 40 classes only the most frequent are drawn, with shares among these.
    """
    kept = _most_frequent(matrix)
    counts = [[matrix.counts[i][j] for j in kept] for i in kept]
    labels = short([matrix.labels[i] for i in kept], most=18)
    size = len(kept)
    side = min(max(3.2, 1.6 + 0.36 * size), 11.0)
    drawn, axes = figure(height=side, width=side)
    _shade(axes, counts)
    _write_counts(axes, counts, font_size=6 if is_crowded(matrix) else 8)
    slanted = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
    slant = {"rotation": 90} if is_crowded(matrix) else slanted
    axes.set_xticks(range(size), labels, **slant)
    axes.set_yticks(range(size), labels)
    axes.set(xlabel="predicted", ylabel="truth", xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5))
    axes.set_aspect("equal")
    axes.grid(visible=False)
    return drawn


def is_crowded(matrix: Matrix) -> bool:
    """Return whether a matrix needs a small font and the full width of the page."""
    return len(matrix.labels) > ROOMY_CLASSES


def _write_counts(axes: Any, counts: Sequence[Sequence[int]], font_size: int) -> None:
    for i, row in enumerate(counts):
        for j, count in enumerate(row):
            if count:
                colour = PAPER if count > 0.55 * sum(row) else INK
                axes.text(j, i, count, ha="center", va="center", color=colour, size=font_size)


def _shade(axes: Any, counts: Sequence[Sequence[int]]) -> None:
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import to_rgba

    squares, colours = [], []
    for i, row in enumerate(counts):
        for j, count in enumerate(row):
            squares.append(
                [(j - 0.5, i - 0.5), (j + 0.5, i - 0.5), (j + 0.5, i + 0.5), (j - 0.5, i + 0.5)]
            )
            share = count / max(sum(row), 1)
            colours.append(to_rgba(SERIES[0], 0.08 + 0.92 * share if count else 0.0))
    axes.add_collection(
        PolyCollection(squares, facecolors=colours, edgecolors=LINE, linewidths=0.4)
    )


def _most_frequent(matrix: Matrix) -> list[int]:
    """Return the indices of the classes to draw, in the matrix's order."""
    sums = [
        sum(row) + sum(column)
        for row, column in zip(matrix.counts, zip(*matrix.counts, strict=True), strict=True)
    ]
    by_frequency = sorted(range(len(sums)), key=lambda i: -sums[i])
    return sorted(by_frequency[:MOST_CLASSES])


def score_bars(table: Table) -> Figure:
    """Draw a table's column ``f1`` as bars, in the table's order. At most 30 rows."""
    column = score_column(table)
    rows = list(table.rows)[:MOST_BARS]
    scores = [_finite(row[column]) for row in rows]
    drawn, axes = figure(height=0.7 + 0.26 * max(len(rows), 3))
    axes.barh(range(len(rows)), scores, color=SERIES[0], height=0.68)
    for i, score in enumerate(scores):
        inside = score > 0.15
        axes.text(
            score + (-0.012 if inside else 0.012),
            i,
            f"{score:.3f}",
            va="center",
            size=8,
            ha="right" if inside else "left",
            color=PAPER if inside else INK,
        )
    axes.set_yticks(range(len(rows)), short([str(row[0]) for row in rows]))
    axes.set(
        xlabel=table.columns[column], xlim=(0, max(1.0, *scores)), ylim=(len(rows) - 0.4, -0.6)
    )
    axes.grid(visible=False, axis="y")
    return drawn


def score_column(table: Table) -> int:
    """Return the index of the column ``f1``, or -1 if the table has none to draw."""
    names = [name.lower() for name in table.columns]
    return names.index("f1") if "f1" in names and table.rows else -1


def _finite(value: object) -> float:
    return value if isinstance(value, int | float) and math.isfinite(value) else 0.0


def length_histogram(lengths: Mapping[str, Sequence[int]]) -> Figure:
    """Draw the distribution of lengths in each split, as shares of the split."""
    drawn, axes = figure()
    longest = max(max(values) for values in lengths.values() if values)
    width = max(math.ceil((longest + 1) / 40), 1)
    edges = [i * width for i in range(longest // width + 2)]
    for (split, values), colour in zip(lengths.items(), _colours(), strict=False):
        if values:
            # Counted here: Matplotlib takes microseconds and hundreds of bytes for each value.
            shares = np.histogram(values, edges)[0] * 100 / len(values)
            style = {"histtype": "step", "color": colour, "label": split, "lw": 1.4}
            axes.hist(edges[:-1], edges, weights=shares, **style)
    axes.set(xlabel="length in steps", ylabel="% of the split", xlim=(0, edges[-1]))
    axes.legend()
    return drawn


def _colours() -> list[str]:
    return [*SERIES, INK]
