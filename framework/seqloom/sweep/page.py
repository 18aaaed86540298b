"""Write a sweep as one HTML page, with learning curves and the importance of keys."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqloom.extras import install_command
from seqloom.files import write_text
from seqloom.sweep.board import Board
from seqloom.sweep.columns import Cell, columns, duration, number, spans_widely
from seqloom.sweep.folder import read_plan
from seqloom.sweep.leaderboard import boards
from seqloom.sweep.points import ABSENT, Group, grouped, last_words
from seqloom.sweep.ranking import ranked_boards
from seqloom.sweep.summary import pareto_front
from seqloom.sweep.trials import BROKEN, Trial, open_sweep, status

if TYPE_CHECKING:
    from jinja2 import Environment
    from matplotlib.figure import Figure
    from optuna.distributions import BaseDistribution

    from seqloom.train.report.content import Curve

OMITTED = frozenset({"val range", "test range", "units/s"})
"""Columns that do not fit into a window of common size."""

GET_OPTUNA = "To see the importance of keys, install Optuna and scikit-learn: {}"
MIN_POINTS = 10
"""Minimum number of points for the importance of keys."""

MIN_AXES = 3
"""Minimum number of keys for parallel coordinates; with fewer, the points are listed."""

MOST_BARS = 40
"""Maximum number of points in a list with error bars."""


@dataclass
class Plot:
    """A plot of the page.

    Attributes:
        title: Title.
        svg: Drawing; empty without matplotlib.
        remark: Remark below the drawing.
    """

    title: str
    svg: str
    remark: str = ""


@dataclass
class Section:
    """The section of the page about one metric.

    Attributes:
        board: Leaderboard.
        columns: Short and full names of its columns.
        rows: Its cells, as text and as sort value.
        plots: Plots of its trials.
        shares: Importance of each key.
        remark: Reason why there are no shares.
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
    """Write a self-contained HTML page about a sweep.

    Plots are drawn by matplotlib if it is installed; else the page says how to get them.

    Args:
        path: Path of the page.
        folder: Folder of the sweep.
        by: Keys to group the table's rows by; None: each point is a row.
        metric: Metric to compare by; None: the objective of a search, or the monitored one.

    Raises:
        SeqloomError: If the folder is not a sweep, a key or the metric is unknown, or the page
            cannot be written.
    """
    from seqloom.train.report import drawing

    trials = open_sweep(folder)
    plan = read_plan(folder, strict=False)
    made = ranked_boards(plan, trials, by, metric)
    available = drawing.has_matplotlib()
    html = (
        _environment()
        .get_template("sweep.html.j2")
        .render(
            title=f"Sweep {folder.resolve().name}",
            command=" ".join(plan.command),
            summary=_summary(folder, trials),
            pareto=pareto_front(folder) if plan.has_several_objectives else [],
            sections=[_section(board, i, trials, available) for i, board in enumerate(made)],
            available=available,
            failures=[trial for trial in trials if trial.state in {"failed", *BROKEN}],
        )
    )
    write_text(path, html.encode("utf-8", "replace").decode("utf-8"))


def _summary(folder: Path, trials: Sequence[Trial]) -> list[tuple[str, str]]:
    seconds = [trial.record.get("training_seconds") for trial in trials]
    total = sum(value for value in seconds if isinstance(value, int | float))
    return [
        ("folder", str(folder)),
        ("trials", status(folder, trials)),
        ("points", str(len(grouped(trials)))),
        ("training, all trials", duration(total)),
    ]


def _section(board: Board, index: int, trials: Sequence[Trial], available: bool) -> Section:
    names, cells = zip(*columns(board, OMITTED), strict=True) if board.rows else ((), ())
    short = [*last_words(board.keys), *names[len(board.keys) :]]
    rows = [list(row) for row in zip(*cells, strict=True)]
    numbers = {trial.number for row in board.rows for trial in row.group.trials}
    own = [trial for trial in trials if trial.number in numbers]
    scored = any(row.val for row in board.rows)
    points = boards(own, metric=board.metric)[0] if scored else board
    shares, remark = importances([row.group for row in points.rows], points.keys, board.metric)
    plots = _plots(points, index, shares) if available and scored else []
    return Section(board, [*zip(short, names, strict=True)], rows, plots, shares, remark)


def _plots(board: Board, index: int, shares: dict[str, float]) -> list[Plot]:
    """Draw the plots that there is data for; names inside an SVG must be unique in the page."""
    from seqloom.sweep import plots
    from seqloom.train.report import drawing

    drawn: list[Plot] = []

    def add(title: str, figure: Figure, remark: str = "") -> None:
        name = f"section{index}-plot{len(drawn)}"
        drawn.append(Plot(title, drawing.to_svg(figure, name, title), remark))

    name = f"val/{board.metric}"
    found = curves(board)
    scored = [row for row in board.rows if row.val]
    with drawing.style():
        if found:
            others = len(found) - len(plots.PALETTE)
            remark = f"The {others} other points are grey." if others > 0 else ""
            add("Learning curves", plots.learning_curves(found, name), remark)
        if 0 < len(board.keys) < MIN_AXES and len(scored) > 1:
            shown = [(row.group.label, row.val) for row in scored[:MOST_BARS] if row.val]
            more = len(scored) - len(shown)
            add(
                f"{name} of each point",
                plots.error_bars(shown, name),
                "Mean, standard error and range over the seeds"
                + (f"; the {more} points with the worst means are left out." if more else "."),
            )
        elif board.keys and len(scored) > 1:
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
    """Return the learning curves on validation of each point that has any; epochs count from 1."""
    from seqloom.train.report.content import curve

    name = f"val/{board.metric}"
    found: dict[str, list[Curve]] = {}
    for row in board.rows:
        for trial in row.group.trials:
            points = curve(trial.rows(), name, "epoch")
            if points:
                counted = [(epoch + 1, value) for epoch, value in points]  # as the log counts
                found.setdefault(row.group.label, []).append(counted)
    return found


def importances(
    groups: Sequence[Group], keys: Sequence[str], metric: str
) -> tuple[dict[str, float], str]:
    """Return the share of the metric's variance that each key explains (fANOVA), largest first.

    Each trial counts, so the variance over seeds is noise.

    Args:
        groups: Points of the sweep.
        keys: Keys whose values differ between points.
        metric: Name of the metric on the validation split.

    Returns:
        The shares by key, which sum to 1, and the reason if there are none.
    """
    scored = [group for group in groups if group.samples("val", metric)]
    if len(scored) < MIN_POINTS:
        return {}, f"The importance of keys needs at least {MIN_POINTS} finished points."
    samples = [
        (group.values, value) for group in scored for value in group.samples("val", metric).values()
    ]
    varied = [key for key in keys if len({group.values[key] for group in scored}) > 1]
    if len({value for _, value in samples}) == 1:
        return {}, "All trials have the same result, so no key matters."
    try:
        import optuna
        import sklearn  # noqa: F401
    except ImportError:
        return {}, GET_OPTUNA.format(install_command("sweep"))
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        return _fanova(samples, varied), ""
    finally:
        optuna.logging.set_verbosity(before)


def _fanova(samples: Sequence[tuple[Any, float]], keys: Sequence[str]) -> dict[str, float]:
    import optuna
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    spaces = {key: distribution([values[key] for values, _ in samples]) for key in keys}
    study = optuna.create_study()
    for values, value in samples:
        params = {
            key: values[key]
            if isinstance(space, optuna.distributions.CategoricalDistribution)
            else float(values[key])
            for key, space in spaces.items()
        }
        study.add_trial(optuna.trial.create_trial(params=params, distributions=spaces, value=value))
    return get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))


def distribution(values: Sequence[str]) -> BaseDistribution:
    """Return the distribution of a key: a range if its values are numbers, else a choice.

    A wide range is logarithmic.
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    found = [number(value) for value in values]
    numbers = [value for value in found if value is not None]
    if len(numbers) < len(found) or ABSENT in values:
        return CategoricalDistribution(sorted(set(values)))
    low, high = min(numbers), max(numbers)
    return FloatDistribution(low, high, log=spans_widely(low, high))


@functools.cache
def _environment() -> Environment:
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=ChoiceLoader(
            [PackageLoader("seqloom.sweep"), PackageLoader("seqloom.train.report")]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["install_command"] = install_command
    return environment
