"""What came of a point, from the records of its trials."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from optuna.trial import TrialState

from seqloom.errors import ConfigError, did_you_mean
from seqloom.sweep.ledger import Trial, is_number
from seqloom.sweep.optuna.curves import by_epoch
from seqloom.sweep.optuna.settings import RECORDED, is_reported


@dataclass(frozen=True)
class Outcome:
    """What came of a point.

    Attributes:
        state: ``COMPLETE`` if all of its trials ended well; ``PRUNED`` if one was pruned; ``FAIL``
            if one failed, or has no finite value; else ``RUNNING``.
        values: of the objectives, the mean over the point's trials; empty unless complete.
        reports: the objective by epoch, the mean over the trials that came so far; empty where it
            has no value after each epoch, or there are several.
    """

    state: TrialState
    values: list[float] = field(default_factory=list)
    reports: dict[int, float] = field(default_factory=dict)


def outcome_of(trials: Sequence[Trial], objectives: Collection[str]) -> Outcome:
    """Return what came of a point.

    Args:
        trials: of the point, one for each seed.
        objectives: their names; none: the monitored metric, so that higher is better.

    Raises:
        ConfigError: a trial that ended well has nothing of an objective's name.
    """
    states = {trial.state for trial in trials}
    reports = {} if len(objectives) > 1 else _reports(trials, *objectives)
    if states <= {"done"}:
        names = objectives or (None,)
        columns = [[_value(trial, name) for trial in trials] for name in names]
        means = [fmean(column) for column in columns]
        if all(map(math.isfinite, means)):
            return Outcome(TrialState.COMPLETE, means, reports)
        return Outcome(TrialState.FAIL)
    if states <= {"done", "pruned"}:
        return Outcome(TrialState.PRUNED, reports=reports)
    if states <= {"done", "pruned", "failed", "damaged"}:
        return Outcome(TrialState.FAIL)
    return Outcome(TrialState.RUNNING)


def _reports(trials: Sequence[Trial], objective: str | None = None) -> dict[int, float]:
    curves = [_curve(trial, objective) for trial in trials]
    epochs = sorted({epoch for curve in curves for epoch in curve})
    return {epoch: fmean(curve[epoch] for curve in curves if epoch in curve) for epoch in epochs}


def _curve(trial: Trial, objective: str | None) -> dict[int, float]:
    """Return a trial's objective by epoch; None: its monitored metric, higher being better."""
    if objective:
        return by_epoch(trial.folder, objective) if is_reported(objective) else {}
    monitor = trial.record.get("monitor")
    if not monitor:
        return {}
    sign = 1 if trial.record.get("higher_is_better", True) else -1
    return {
        epoch: sign * value for epoch, value in by_epoch(trial.folder, f"val/{monitor}").items()
    }


def _value(trial: Trial, name: str | None) -> float:
    """Return an objective's value; NaN if it is none."""
    if name is None:
        score = trial.score()
        return math.nan if score is None else score
    known = numbers(trial.record)
    if name not in known:
        raise ConfigError(
            f"hydra.sweeper.objectives: trial {trial.number} has nothing called {name}. "
            f"{did_you_mean(name, known)}"
        )
    value = known[name]
    return math.nan if value is None else float(value)


def numbers(record: Mapping[str, Any]) -> dict[str, float | None]:
    """Return what a record has that an objective can be, by name; None: not finite.

    >>> numbers({"state": "done", "parameters": 9, "metrics": {"val": {"f1": 0.5}}})
    {'parameters': 9, 'val/f1': 0.5}
    """
    plain = {
        key: record[key] if is_number(record[key]) else None for key in RECORDED if key in record
    }
    metrics = {
        f"{split}/{name}": value
        for split, values in (record.get("metrics") or {}).items()
        for name, value in values.items()
    }
    return {**plain, **metrics}
