"""Which plots a report has, and what stands in for each where matplotlib is missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seqloom.train.report import drawing, plots
from seqloom.train.report.content import Report
from seqloom.train.report.history import curve

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from seqloom.interfaces.head import Matrix, Table


@dataclass
class Plot:
    """One plot of the page: its title, its SVG (empty without matplotlib) and a remark.

    A wide plot takes the page's whole width.
    """

    title: str
    svg: str
    remark: str = ""
    wide: bool = False


@dataclass
class Figures:
    """The plots by the section of the page that they stand in."""

    available: bool
    curves: list[Plot] = field(default_factory=list)
    bars: list[Plot] = field(default_factory=list)
    matrices: list[Plot] = field(default_factory=list)
    lengths: list[Plot] = field(default_factory=list)


class _Artist:
    """Draws plots with names of their own, or leaves them empty."""

    def __init__(self, available: bool) -> None:
        self.available = available
        self.number = 0

    def __call__(self, title: str, draw: Callable[[], Figure], remark: str = "") -> Plot:
        if not self.available:
            return Plot(title, "", remark)
        self.number += 1
        return Plot(title, drawing.to_svg(draw(), f"plot{self.number}", title), remark)


def figures_of(report: Report) -> Figures:
    """Draw what the report has facts for."""
    available = drawing.has_matplotlib()
    artist = _Artist(available)
    if not available:
        return _figures(report, artist)
    with drawing.style():
        return _figures(report, artist)


def _figures(report: Report, artist: _Artist) -> Figures:
    scored = [table for table in report.tables if plots.score_column(table) >= 0]
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
    name, higher = report.monitor_key, report.higher_is_better
    found = [artist("Loss", lambda: plots.loss_curves(train, val))] if train or val else []
    if monitored:
        found.append(artist(name, lambda: plots.monitor_curve(monitored, name, higher)))
    return found


def _lengths(report: Report, artist: _Artist) -> list[Plot]:
    if not any(report.lengths.values()):
        return []
    return [artist("Lengths", lambda: plots.length_histogram(report.lengths))]


def _bars(table: Table, artist: _Artist) -> Plot:
    left_out = len(table.rows) - plots.MOST_BARS
    remark = f"The first {plots.MOST_BARS} rows; the table has all." if left_out > 0 else ""
    return artist(f"{table.title}: f1", lambda: plots.score_bars(table), remark)


def _matrix(matrix: Matrix, artist: _Artist) -> Plot:
    most = plots.MOST_CLASSES
    remark = f"The {most} most frequent classes of {len(matrix.labels)}; the table has all."
    plot = artist(matrix.title, lambda: plots.confusion(matrix))
    plot.wide = plots.is_crowded(matrix)
    plot.remark = remark if len(matrix.labels) > most else ""
    return plot
