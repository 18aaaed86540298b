"""A sweep in brief: its ``index.json``, its line in ``seqloom sweep list``, its Pareto front."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from seqloom.errors import DataError, SeqloomError
from seqloom.extras import install_command
from seqloom.files import write_json
from seqloom.sweep.board import Board
from seqloom.sweep.columns import aligned
from seqloom.sweep.folder import SweepFolder, read_plan
from seqloom.sweep.ranking import best_of, ranked_boards
from seqloom.sweep.trials import Trial, read_trials, status
from seqloom.train.folder import RunFolder
from seqloom.train.foreign_link import refuse_foreign_link

log = logging.getLogger("seqloom")

VERSION = 1
COMMAND_WIDTH = 48
GET_OPTUNA = "To see the Pareto-optimal points, install Optuna: {}"

COPIED = (
    "attempts",
    "started",
    "seconds",
    "error",
    "monitor",
    "higher_is_better",
    "parameters",
    "training_seconds",
    "cost_per_second",
)
"""Keys of a trial's record that the index copies."""


def write_index(folder: Path) -> Path:
    """Write ``index.json`` from the trials' records alone, and return its path.

    Raises:
        DataError: The folder cannot be read.
        RunError: The index cannot be written.
    """
    path = SweepFolder(folder).index
    trials = read_trials(folder)
    best = best_of(read_plan(folder, strict=False), trials)
    content = {
        "version": VERSION,
        "best": best and best.number,
        "trials": [entry(trial) for trial in trials],
    }
    refuse_foreign_link(path)
    write_json(path, content)
    return path


def entry(trial: Trial) -> dict[str, Any]:
    """Return the entry of a trial in the index."""
    return {
        "number": trial.number,
        "state": trial.state,
        "seed": trial.seed,
        "overrides": trial.overrides(),
        **{name: trial.record[name] for name in COPIED if name in trial.record},
        **({"history": trial.history} if trial.history else {}),
        "metrics": trial.metrics,
    }


@dataclass(frozen=True)
class SweepSummary:
    """A sweep in one line.

    Attributes:
        folder: Folder of the sweep.
        started: Time of its start, as ``2026-01-31 12:00``; empty if unknown.
        command: Swept overrides, such as ``encoder=rnn,lstm``.
        status: Numbers of trials that are done, failed …
        best: Best point with its mean, for each metric by which points are ranked; empty for a
            search with several objectives.
    """

    folder: Path
    started: str
    command: str
    status: str
    best: str


def found_below(roots: Sequence[Path]) -> list[SweepSummary]:
    """Return the sweeps below some folders, sorted by name within each.

    Raises:
        DataError: One of the folders does not exist.
    """
    for root in roots:
        if not root.is_dir():
            raise DataError(
                f"{root} is not a folder. Pass the folders to search: seqloom sweep list ROOT …"
            )
    folders = dict.fromkeys(folder for root in roots for folder in _folders(root))
    return [summary(folder) for folder in folders]


def _folders(root: Path) -> Iterator[Path]:
    """Yield the folders of sweeps. The folders of runs and trials are not searched."""
    sweep_files = {SweepFolder(root).plan.name, SweepFolder(root).index.name}
    record = RunFolder(root).record.name
    for path, names, files in os.walk(root, onerror=_not_searched):
        if (sweep_files | {record}) & set(files):
            names.clear()
        if sweep_files & set(files):
            yield Path(path)
        names[:] = sorted(name for name in names if not name.startswith("."))


def _not_searched(error: OSError) -> None:
    log.warning("%s cannot be searched: %s.", error.filename, error.strerror or error)


def summary(folder: Path) -> SweepSummary:
    """Return a sweep in one line."""
    trials, plan = read_trials(folder), read_plan(folder, strict=False)
    started = [str(trial.record["started"]) for trial in trials if trial.record.get("started")]
    when = plan.created or min(started, default="")
    best = [_best(board) for board in ranked_boards(plan, trials)]
    return SweepSummary(
        folder,
        when[:16].replace("T", " "),
        " ".join(_swept(plan.command)),
        status(folder, trials),
        "; ".join(one for one in best if one),
    )


def _swept(words: Sequence[str]) -> list[str]:
    """Return the overrides of a command that have several values; all if none has."""
    overrides = [word for word in words if not word.startswith(("-", "hydra.", "hydra/"))]
    return [word for word in overrides if "," in word or "(" in word] or overrides


def _best(board: Board) -> str:
    row = board.best
    return f"{row.group.name}: {board.metric} {row.val.mean:.4f}" if row and row.val else ""


def table(sweeps: Sequence[SweepSummary]) -> str:
    """Return a header and a line for each sweep."""
    rows = [
        [
            str(sweep.folder),
            sweep.started,
            _shortened(sweep.command),
            sweep.status,
            sweep.best,
        ]
        for sweep in sweeps
    ]
    return aligned([["folder", "when", "command", "trials", "best"], *rows])


def _shortened(text: str) -> str:
    return text if len(text) <= COMMAND_WIDTH else f"{text[: COMMAND_WIDTH - 1]}…"


def pareto_front(folder: Path) -> list[str]:
    """Return the Pareto front as text: a heading, and a line for each of its points.

    Args:
        folder: Folder of a search with several objectives.

    Returns:
        The lines; a single one with the reason if the front is not known.
    """
    if find_spec("optuna") is None:
        return [GET_OPTUNA.format(install_command("sweep"))]
    from seqloom.sweep.optuna.settings import Settings
    from seqloom.sweep.optuna.study import best_points, rebuild

    try:
        plan = read_plan(folder)
        return best_points(plan, rebuild(plan), Settings(**plan.settings)).splitlines()
    except SeqloomError as error:
        return [f"The Pareto front is not known: {error}"]
