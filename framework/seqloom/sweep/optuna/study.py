"""Rebuild a study from a sweep's folder, which is its storage."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from optuna import Study
from optuna.distributions import json_to_distribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from seqloom.errors import RunError
from seqloom.sweep.ledger import read_trial, read_trials
from seqloom.sweep.optuna.memory import study_in_memory
from seqloom.sweep.optuna.outcome import Outcome, outcome_of
from seqloom.sweep.optuna.settings import Settings
from seqloom.sweep.plan import Plan, Planned, read_plan


def study_of(folder: Path) -> Study:
    """Return the study of a sweep's folder: what was asked for, and what came of it so far.

    It lives in memory; what is done to it leaves the folder as it is.

    Raises:
        RunError: the folder holds no sweep that Optuna led, or a damaged one.
    """
    plan = read_plan(folder)
    if plan.kind != "optuna":
        raise RunError(f"{folder} is a sweep of {plan.kind}, not of optuna.")
    return rebuild(plan)


def rebuild(plan: Plan) -> Study:
    """Return the study of a plan, with what came of its trials so far."""
    settings = Settings(**plan.settings)
    study = study_in_memory(settings.directions)
    trials = {trial.number: trial for trial in read_trials(plan.folder)} if plan.trials else {}
    for note, planned in notes(plan.trials):
        outcome = outcome_of([trials[one.number] for one in planned], settings.objectives)
        study.add_trial(_frozen(note, outcome))
    return study


def notes(trials: Iterable[Planned]) -> list[tuple[dict[str, Any], list[Planned]]]:
    """Return each question to Optuna, in order, with the trials that answer it."""
    answers: dict[int, list[Planned]] = {}
    questions: dict[int, dict[str, Any]] = {}
    for one in trials:
        for note in (one.extra, *one.extra.get("again", ())):
            questions[note["ask"]] = note
            answers.setdefault(note["ask"], []).append(one)
    return [(questions[ask], answers[ask]) for ask in sorted(questions)]


def outcomes(
    folder: Path, points: Sequence[Sequence[Planned]], objectives: Collection[str]
) -> list[Outcome]:
    """Return what came of points, by the trials of each."""
    return [
        outcome_of([read_trial(folder / str(one.number)) for one in point], objectives)
        for point in points
    ]


def _frozen(note: Mapping[str, Any], outcome: Outcome) -> FrozenTrial:
    complete = outcome.state == TrialState.COMPLETE
    return create_trial(
        state=outcome.state,
        values=outcome.values if complete else None,
        params=note["params"],
        distributions={
            key: json_to_distribution(json.dumps(one)) for key, one in note["distributions"].items()
        },
        system_attrs=note["attributes"],
        intermediate_values=outcome.reports,
    )
