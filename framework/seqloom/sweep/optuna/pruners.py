"""Optuna's pruners by name, asked from what the trials of a sweep wrote into their folders."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

from optuna import pruners
from optuna.pruners import BasePruner
from optuna.trial import TrialState

from seqloom.errors import ConfigError, did_you_mean
from seqloom.sweep.optuna.memory import study_in_memory

PRUNERS = {
    "none": "NopPruner",
    "median": "MedianPruner",
    "percentile": "PercentilePruner",
    "hyperband": "HyperbandPruner",
    "successive_halving": "SuccessiveHalvingPruner",
    "threshold": "ThresholdPruner",
}

OWN = {"successive_halving": {"min_resource": 1}}
"""What Optuna would find out by waiting for the first trial to end."""

Reports = Mapping[int, Mapping[int, float]]
"""What trials reported: by number of the trial and by epoch, counted from 1."""


def build_pruner(name: str, params: Mapping[str, Any]) -> BasePruner:
    """Return a pruner.

    Raises:
        ConfigError: there is no such pruner, or it refuses its parameters.
    """
    if name not in PRUNERS:
        hint = did_you_mean(name, PRUNERS)
        raise ConfigError(f"hydra.sweeper.pruner={name} is no pruner. {hint}")
    try:
        pruner: BasePruner = getattr(pruners, PRUNERS[name])(**{**OWN.get(name, {}), **params})
    except (TypeError, ValueError) as fault:
        raise ConfigError(f"hydra.sweeper.pruner_params do not suit {name}: {fault}") from fault
    return pruner


def is_hopeless(
    pruner: BasePruner, reports: Reports, ended: Mapping[int, str], number: int
) -> bool:
    """Return whether a trial is to be pruned after its last report.

    A pruner may keep notes (successive halving: who reached which rung). Nobody stores them: the
    reports of all trials are told anew, epoch by epoch, and the notes come about again.

    Args:
        pruner: asked; a fresh one.
        reports: of all trials, higher being better; the trial's own last one is its newest.
        ended: the state of the trials that are ``done`` or ``pruned``.
        number: of the trial.
    """
    study = study_in_memory(["maximize"], pruner)
    trials = [study.ask() for _ in range(max(reports) + 1)]
    newest = max(reports[number])
    for epoch in sorted({epoch for values in reports.values() for epoch in values}):
        for one, values in reports.items():
            if epoch in values and (one, epoch) != (number, newest):
                trials[one].report(values[epoch], epoch)
                trials[one].should_prune()
    for one, state in ended.items():
        known = [value for value in reports.get(one, {}).values() if not math.isnan(value)]
        if one != number and state == "done" and known:
            study.tell(trials[one], max(known))
        elif one != number and state == "pruned":
            study.tell(trials[one], state=TrialState.PRUNED)
    trials[number].report(reports[number][newest], newest)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of numpy, if there are NaNs alone
        return trials[number].should_prune()
