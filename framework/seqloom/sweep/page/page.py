"""From a sweep's folder to one HTML file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqloom.files import write_text
from seqloom.sweep.columns import Cell, columns, duration
from seqloom.sweep.formats import last_words
from seqloom.sweep.front import front, has_several_objectives
from seqloom.sweep.leaderboard import Board, boards
from seqloom.sweep.ledger import Trial, open_sweep, read_plan
from seqloom.sweep.page.importance import importances
from seqloom.sweep.points import ABSENT, grouped
from seqloom.sweep.standing import standing

if TYPE_CHECKING:
    from jinja2 import Environment
    from matplotlib.figure import Figure

    from seqloom.train.report.history import Curve

LEFT_OUT = frozenset({"val range", "test range", "units/s"})
"""Columns that the leaderboard has no room for in a window of common size."""


@dataclass
class Plot:
    """A plot of the page.

    Attributes:
        title: over it.
        svg: the drawing; empty without matplotlib.
        remark: below it.
    """

    title: str
    svg: str
    remark: str = ""


@dataclass
class Part:
    """What the page says of one metric.

    Attributes:
        board: the leaderboard.
        columns: the short and the full names of its columns.
        rows: its cells, as text and as what they are sorted by.
        plots: of its trials.
        shares: how much each key matters.
        remark: why there are no shares.
    """

    board: Board
    columns: list[tuple[str, str]]
    rows: list[list[Cell]]
    plots: list[Plot]
    shares: dict[str, float]
    remark: str


def write_page(
    path: Path, folder: Path, *, by: Sequence[str] | None = None, metric: str | None = None
) -> None:
    """Write one HTML file about a sweep, which needs neither a network nor other files.

    Plots are drawn by matplotlib if it is installed; else the page says how to get them.

    Args:
        path: of the file.
        folder: of the sweep.
        by: the keys to group the table's rows by; None: each point is a row.
        metric: another than the monitored one.

    Raises:
        SeqloomError: it is no sweep, has no such key or metric, or the file cannot be written.
    """
    from seqloom.train.report import drawing

    trials = open_sweep(folder)
    several = has_several_objectives(folder)
    made = boards(trials, by, metric, compared=not several)
    available = drawing.has_matplotlib()
    html = (
        _environment()
        .get_template("sweep.html.j2")
        .render(
            title=f"Sweep {folder.resolve().name}",
            command=" ".join(map(str, read_plan(folder).get("command") or ())),
            summary=_summary(folder, trials),
            front=front(folder) if several else [],
            parts=[_part(board, i, trials, available) for i, board in enumerate(made)],
            available=available,
            faults=[trial for trial in trials if trial.state in {"failed", "damaged"}],
        )
    )
    write_text(path, html.encode("utf-8", "replace").decode("utf-8"))


def _summary(folder: Path, trials: Sequence[Trial]) -> list[tuple[str, str]]:
    seconds = [trial.record.get("training_seconds") for trial in trials]
    total = sum(value for value in seconds if isinstance(value, int | float))
    return [
        ("folder", str(folder)),
        ("trials", standing(folder, trials)),
        ("points", str(len(grouped(trials)))),
        ("training, all trials", duration(total)),
    ]


def _part(board: Board, index: int, trials: Sequence[Trial], available: bool) -> Part:
    names, cells = zip(*columns(board, LEFT_OUT), strict=True) if board.rows else ((), ())
    short = [*last_words(board.keys), *names[len(board.keys) :]]
    rows = [list(row) for row in zip(*cells, strict=True)]
    numbers = {trial.number for row in board.rows for trial in row.group.trials}
    own = [trial for trial in trials if trial.number in numbers]
    scored = any(row.val for row in board.rows)
    points = boards(own, metric=board.metric)[0] if scored else board
    shares, remark = importances([row.group for row in points.rows], points.keys, board.metric)
    plots = _plots(points, index, shares) if available and scored else []
    return Part(board, [*zip(short, names, strict=True)], rows, plots, shares, remark)


def _plots(board: Board, index: int, shares: dict[str, float]) -> list[Plot]:
    """Draw what there are facts for; names inside an SVG must differ from those of the others."""
    from seqloom.sweep.page import plots
    from seqloom.train.report import drawing

    drawn: list[Plot] = []

    def add(title: str, figure: Figure, remark: str = "") -> None:
        name = f"part{index}-plot{len(drawn)}"
        drawn.append(Plot(title, drawing.to_svg(figure, name, title), remark))

    name = f"val/{board.metric}"
    found = curves(board)
    scored = [row for row in board.rows if row.val]
    with drawing.style():
        if found:
            left_out = len(found) - len(plots.PALETTE)
            remark = f"The {left_out} other points are grey." if left_out > 0 else ""
            add("Learning curves", plots.learning_curves(found, name), remark)
        if board.keys and len(scored) > 1:
            values = [row.group.values for row in scored]
            means = [row.val.mean for row in scored if row.val]
            add(
                "Parallel coordinates",
                plots.parallel_coordinates(values, means, name, board.higher_is_better),
                f"A line for each point; the one with the best {name} is orange.",
            )
        if shares:
            add("Importance of the keys", plots.importance_bars(shares))
    return drawn


def curves(board: Board) -> dict[str, list[Curve]]:
    """Return the learning curves on validation for each point that has any; epochs from 1."""
    from seqloom.train.report.history import curve

    name = f"val/{board.metric}"
    found: dict[str, list[Curve]] = {}
    for row in board.rows:
        for trial in row.group.trials:
            points = curve(read_rows(trial.folder / "metrics.jsonl"), name, "epoch")
            if points:
                counted = [(epoch + 1, value) for epoch, value in points]  # as the log counts
                found.setdefault(label(row.group.values), []).append(counted)
    return found


def label(values: Mapping[str, str]) -> str:
    """Return a point in short: choices by their names, parameters by the last word of their keys.

    >>> label({"encoder": "bilstm", "encoder.merge": "sum", "optimizer.lr": "–"})
    'bilstm merge=sum'
    """
    words = [
        f"{key.rpartition('.')[2]}={value}" if "." in key else value
        for key, value in values.items()
        if value != ABSENT
    ]
    return " ".join(words) or "all"


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file of JSON lines; a line that was cut off by a kill is left out."""
    rows = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return []
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            rows.append(row)
    return rows


def _environment() -> Environment:
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=ChoiceLoader(
            [PackageLoader("seqloom.sweep.page"), PackageLoader("seqloom.train.report")]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
