"""The sweeps that are found below some folders, a line each."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqloom.errors import DataError
from seqloom.sweep.formats import aligned
from seqloom.sweep.front import has_several_objectives
from seqloom.sweep.leaderboard import Board, boards
from seqloom.sweep.ledger import INDEX, PLAN, RECORD, read_plan, read_trials
from seqloom.sweep.standing import standing

COMMAND_WIDTH = 48


@dataclass(frozen=True)
class Sweep:
    """A sweep in short.

    Attributes:
        folder: of the sweep.
        when: it was begun, as ``2026-01-31 12:00``; empty if nothing tells.
        command: what it tries, such as ``encoder=rnn,lstm``.
        standing: how many of its trials are done, failed …
        best: its best point with its mean, for each metric that the trials monitor; empty of a
            search by several objectives.
    """

    folder: Path
    when: str
    command: str
    standing: str
    best: str


def found_below(roots: Sequence[Path]) -> list[Sweep]:
    """Return the sweeps below some folders, those of a folder by their names.

    Raises:
        DataError: one of the folders is not there.
    """
    for root in roots:
        if not root.is_dir():
            raise DataError(
                f"{root} is no folder, so no sweep can be below it. Name the folders to look in: "
                "seqloom sweep list ROOT …"
            )
    folders = dict.fromkeys(folder for root in roots for folder in _folders(root))
    return [summary(folder) for folder in folders]


def _folders(root: Path) -> Iterator[Path]:
    """Give the folders of sweeps, without looking into trials and runs, which hold much else."""
    for path, names, files in os.walk(root):
        if {PLAN, INDEX, RECORD} & set(files):
            names.clear()
        if {PLAN, INDEX} & set(files):
            yield Path(path)
        names[:] = sorted(name for name in names if not name.startswith("."))


def summary(folder: Path) -> Sweep:
    """Return a sweep in short."""
    trials, plan = read_trials(folder), read_plan(folder)
    begun = [str(trial.record["started"]) for trial in trials if trial.record.get("started")]
    when = str(plan.get("created") or min(begun, default=""))
    command = plan.get("command")
    words = [str(word) for word in command] if isinstance(command, list) else []
    compared = not has_several_objectives(folder)
    best = [_best(board) for board in boards(trials, compared=compared)]
    return Sweep(
        folder,
        when[:16].replace("T", " "),
        " ".join(_swept(words)),
        standing(folder, trials),
        "; ".join(one for one in best if one),
    )


def _swept(words: Sequence[str]) -> list[str]:
    """Return the overrides of a command that name several values; if none does, all."""
    overrides = [word for word in words if not word.startswith(("-", "hydra.", "hydra/"))]
    return [word for word in overrides if "," in word or "(" in word] or overrides


def _best(board: Board) -> str:
    row = board.best
    return f"{row.group.name}: {board.metric} {row.val.mean:.4f}" if row and row.val else ""


def table(sweeps: Sequence[Sweep]) -> str:
    """Return a line for each sweep, under a header."""
    rows = [
        [
            str(sweep.folder),
            sweep.when,
            _shortened(sweep.command),
            sweep.standing,
            sweep.best,
        ]
        for sweep in sweeps
    ]
    return aligned([["folder", "when", "command", "trials", "best"], *rows])


def _shortened(text: str) -> str:
    return text if len(text) <= COMMAND_WIDTH else f"{text[: COMMAND_WIDTH - 1]}…"
