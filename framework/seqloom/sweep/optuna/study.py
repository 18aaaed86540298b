"""The study of a search: rebuilt from the sweep's folder, which is its only storage."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from optuna import Study, create_study, logging
from optuna.distributions import json_to_distribution
from optuna.pruners import BasePruner
from optuna.samplers import RandomSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from seqloom.errors import ConfigError, RunError, did_you_mean, plural
from seqloom.sweep.directions import AUTO, RECORDED, objective_is_better_higher, sign
from seqloom.sweep.folder import Plan, PlannedTrial, SweepFolder, damaged_plan, read_plan
from seqloom.sweep.optuna.settings import Settings, is_reported
from seqloom.sweep.trials import Trial, is_finite, read_trial, read_trials


def study_in_memory(directions: Sequence[str], pruner: BasePruner | None = None) -> Study:
    """Return an empty study, without Optuna's log message.

    Args:
        directions: ``maximize`` or ``minimize`` for each objective.
        pruner: Pruner of the study, if any.
    """
    before = logging.get_verbosity()
    logging.set_verbosity(logging.WARNING)
    try:
        return create_study(
            # Hyperband chooses brackets by the name, so it must not be random.
            study_name="sweep",
            directions=[StudyDirection[direction.upper()] for direction in directions],
            sampler=RandomSampler(0),
            pruner=pruner,
        )
    finally:
        logging.set_verbosity(before)


def study_of(folder: Path) -> Study:
    """Return the study of a sweep's folder: the suggested points and their outcomes so far.

    The study is in memory; changes to it do not change the folder.

    Raises:
        RunError: The folder does not hold a sweep by Optuna, or it is damaged.
    """
    plan = read_plan(folder)
    if plan.kind != "optuna":
        raise RunError(f"{folder} is a sweep by {plan.kind}, not by optuna.")
    return rebuild(plan)


def rebuild(plan: Plan) -> Study:
    """Return the study of a plan, with the outcomes of its trials so far.

    Raises:
        RunError: The plan is damaged: it does not hold what a search knows of its trials.
    """
    try:
        settings = Settings(**plan.settings)
        study = study_in_memory(settings.directions)
        asked = [(_arguments(note), planned) for note, planned in notes(plan.trials)]
        objectives = {str(name): str(one) for name, one in settings.objectives.items()}
    except (TypeError, LookupError, AttributeError, ValueError) as error:
        raise damaged_plan(plan.folder, error) from error
    trials = {trial.number: trial for trial in read_trials(plan.folder)} if plan.trials else {}
    for arguments, planned in asked:
        outcome = outcome_of([trials[one.number] for one in planned], objectives)
        study.add_trial(_frozen(arguments, outcome))
    return study


def notes(trials: Iterable[PlannedTrial]) -> list[tuple[dict[str, Any], list[PlannedTrial]]]:
    """Return the note of each suggestion, in order, with the trials of its point."""
    planned: dict[int, list[PlannedTrial]] = {}
    by_ask: dict[int, dict[str, Any]] = {}
    for one in trials:
        for note in (one.extra, *one.extra.get("again", ())):
            by_ask[note["ask"]] = note
            planned.setdefault(note["ask"], []).append(one)
    return [(by_ask[ask], planned[ask]) for ask in sorted(by_ask)]


@dataclass(frozen=True)
class Outcome:
    """The outcome of a point.

    Attributes:
        state: ``COMPLETE`` if all its trials are done; ``PRUNED`` if one was pruned; ``FAIL`` if
            one failed or has no finite value; else ``RUNNING``.
        values: Values of the objectives, means over the point's trials; empty unless complete.
        reports: Objective by epoch, the mean over the trials that reached it; empty if it has no
            value after each epoch, or there are several objectives.
    """

    state: TrialState
    values: list[float] = field(default_factory=list)
    reports: dict[int, float] = field(default_factory=dict)


def outcomes(
    folder: Path, points: Sequence[Sequence[PlannedTrial]], objectives: Mapping[str, str]
) -> list[Outcome]:
    """Return the outcomes of points, from the trials of each."""
    return [
        outcome_of(
            [read_trial(SweepFolder(folder).trial(one.number).path) for one in point], objectives
        )
        for point in points
    ]


def outcome_of(trials: Sequence[Trial], objectives: Mapping[str, str]) -> Outcome:
    """Return the outcome of a point.

    Args:
        trials: Trials of the point, one for each seed.
        objectives: Directions of the objectives by name; empty: the monitored metric. This and
            objectives of ``auto`` are signed so that higher is better.

    Raises:
        ConfigError: The record of a finished trial does not have an objective or its direction.
    """
    states = {trial.state for trial in trials}
    reports = {} if len(objectives) > 1 else _reports(trials, objectives)
    if states <= {"done"}:
        columns = (
            [[_value(trial, *one) for trial in trials] for one in objectives.items()]
            if objectives
            else [[_score(trial) for trial in trials]]
        )
        means = [fmean(column) for column in columns]
        if all(map(math.isfinite, means)):
            return Outcome(TrialState.COMPLETE, means, reports)
        return Outcome(TrialState.FAIL)
    if states <= {"done", "pruned"}:
        return Outcome(TrialState.PRUNED, reports=reports)
    if states <= {"done", "pruned", "failed", "damaged"}:
        return Outcome(TrialState.FAIL)
    return Outcome(TrialState.RUNNING)


def _reports(trials: Sequence[Trial], objectives: Mapping[str, str]) -> dict[int, float]:
    curves = [
        _curve(trial, *one)
        for trial in trials
        for one in objectives.items() or [(f"val/{trial.monitor}", AUTO)]
    ]
    epochs = sorted({epoch for curve in curves for epoch in curve})
    return {epoch: fmean(curve[epoch] for curve in curves if epoch in curve) for epoch in epochs}


def _curve(trial: Trial, name: str, direction: str) -> dict[int, float]:
    """Return an objective by epoch; empty if it has none, or as long as its sign is not known."""
    if not is_reported(name):
        return {}
    if direction == AUTO and objective_is_better_higher(trial, name) is None:
        return {}
    factor = sign(trial, name, direction)
    return {epoch: factor * value for epoch, value in trial.curve(name).items()}


def _score(trial: Trial) -> float:
    if "val" not in (trial.record.get("metrics") or {}):
        raise ConfigError(
            f"Points are compared by their scores on val, but trial {trial.number} has no "
            "validation split. Set data.val or data.split.val, or hydra.sweeper.objectives."
        )
    score = trial.score()
    return math.nan if score is None else score


def _value(trial: Trial, name: str, direction: str) -> float:
    """Return an objective's value as Optuna gets it; NaN if it is not finite."""
    known = numbers(trial.record)
    if name not in known:
        raise ConfigError(
            f"hydra.sweeper.objectives: trial {trial.number} does not have {name}. "
            f"{did_you_mean(name, known)}"
        )
    value = known[name]
    return math.nan if value is None else sign(trial, name, direction) * float(value)


def numbers(record: Mapping[str, Any]) -> dict[str, float | None]:
    """Return the values of a record that can be objectives, by name; None if not finite.

    >>> numbers({"state": "done", "parameters": 9, "metrics": {"val": {"f1": 0.5}}})
    {'parameters': 9, 'val/f1': 0.5}
    """
    plain = {
        key: record[key] if is_finite(record[key]) else None for key in RECORDED if key in record
    }
    metrics = {
        f"{split}/{name}": value
        for split, values in (record.get("metrics") or {}).items()
        for name, value in values.items()
    }
    return {**plain, **metrics}


def _arguments(note: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the note of a suggestion says of Optuna's trial, as `create_trial` takes it.

    Raises:
        TypeError, LookupError, AttributeError or ValueError: It is not a note.
    """
    found = {
        "params": note["params"],
        "distributions": {
            key: json_to_distribution(json.dumps(one)) for key, one in note["distributions"].items()
        },
        "system_attrs": note["attributes"],
    }
    create_trial(state=TrialState.RUNNING, **found)  # checks them
    return found


def _frozen(arguments: Mapping[str, Any], outcome: Outcome) -> FrozenTrial:
    complete = outcome.state == TrialState.COMPLETE
    return create_trial(
        state=outcome.state,
        values=outcome.values if complete else None,
        intermediate_values=outcome.reports,
        **arguments,
    )


def best_points(plan: Plan, study: Study, settings: Settings) -> str:
    """Return the best point as text, or the Pareto front of a search with several objectives.

    Args:
        plan: Plan of the search.
        study: Study with the outcomes of the plan's points.
        settings: Settings of the search.
    """
    answers = {note["ask"]: planned for note, planned in notes(plan.trials)}
    points = len({tuple(one.number for one in planned) for planned in answers.values()})
    if not study.get_trials(deepcopy=False, states=[TrialState.COMPLETE]):
        return f"None of the {_count(points, 'point')} has a result."
    best = study.best_trials if len(study.directions) > 1 else [study.best_trial]
    # A point that was suggested again is in the study again.
    unique = {tuple(one.number for one in answers[trial.number]): trial for trial in best}
    lines = [
        _line(plan.folder, trial, answers[trial.number], settings) for trial in unique.values()
    ]
    if len(study.directions) == 1:
        return f"The best of {_count(points, 'point')}: {lines[0]}"
    verb = "is" if len(lines) == 1 else "are"
    head = f"{len(lines)} of {_count(points, 'point')} {verb} Pareto-optimal:"
    return "\n  ".join([head, *sorted(lines)])


def _line(
    folder: Path, trial: FrozenTrial, planned: Sequence[PlannedTrial], settings: Settings
) -> str:
    values = ", ".join(
        f"{name} {value:.6g}" for name, value in _values(folder, trial, planned, settings)
    )
    params = " ".join(f"{key}={_short(value)}" for key, value in trial.params.items())
    numbers = ", ".join(str(one.number) for one in planned)
    which = f"mean of trials {numbers}" if len(planned) > 1 else f"trial {numbers}"
    return f"{values} ({which}): {params}"


def _values(
    folder: Path, trial: FrozenTrial, planned: Sequence[PlannedTrial], settings: Settings
) -> list[tuple[str, float]]:
    one: Trial = read_trial(SweepFolder(folder).trial(planned[0].number).path)
    if not settings.objectives:
        return [(f"val {one.monitor}", sign(one, f"val/{one.monitor}", AUTO) * trial.values[0])]
    return [
        (name, sign(one, name, direction) * value)
        for (name, direction), value in zip(settings.objectives.items(), trial.values, strict=True)
    ]


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _count(number: int, noun: str) -> str:
    return f"{number} {plural(number, noun)}"
