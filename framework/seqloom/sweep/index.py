"""The index of a sweep: its trials' records in short, which can be made anew at any time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seqloom.files import write_json
from seqloom.sweep.front import has_several_objectives
from seqloom.sweep.leaderboard import best_trial
from seqloom.sweep.ledger import INDEX, Trial, read_trials

VERSION = 1
KEPT = (
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
"""What is copied from a trial's record as it stands there."""


def write_index(folder: Path) -> Path:
    """Write ``index.json`` from the trials' records alone, and return its path.

    Raises:
        DataError: there is no such folder.
        RunError: it cannot be written.
    """
    path = folder / INDEX
    trials = read_trials(folder)
    top = None if has_several_objectives(folder) else best_trial(trials)
    content = {
        "version": VERSION,
        "best": top and top.number,
        "trials": [entry(trial) for trial in trials],
    }
    write_json(path, content)
    return path


def entry(trial: Trial) -> dict[str, Any]:
    """Return a trial's record in short."""
    return {
        "number": trial.number,
        "state": trial.state,
        "seed": trial.seed,
        "overrides": trial.overrides(),
        **{name: trial.record[name] for name in KEPT if name in trial.record},
        "metrics": trial.metrics,
    }
