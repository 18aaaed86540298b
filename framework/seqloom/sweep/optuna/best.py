"""Which points of a search were the best, in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from seqloom.sweep.ledger import Trial, read_trial
from seqloom.sweep.optuna.settings import Settings
from seqloom.sweep.optuna.study import notes
from seqloom.sweep.plan import Plan, Planned


def best_in_words(plan: Plan, study: Study, settings: Settings) -> str:
    """Return which points were the best: one, or those that no other one excels in all objectives.

    Args:
        plan: of the search.
        study: with what came of the plan's points.
        settings: of the search.
    """
    answers = {note["ask"]: planned for note, planned in notes(plan.trials)}
    points = len({tuple(one.number for one in planned) for planned in answers.values()})
    if not study.get_trials(deepcopy=False, states=[TrialState.COMPLETE]):
        return f"None of the {_count(points, 'point')} ended well."
    best = study.best_trials if len(study.directions) > 1 else [study.best_trial]
    # A point that was asked for again is in the study again.
    unique = {tuple(one.number for one in answers[trial.number]): trial for trial in best}
    lines = [
        _line(plan.folder, trial, answers[trial.number], settings) for trial in unique.values()
    ]
    if len(study.directions) == 1:
        return f"The best of {_count(points, 'point')}: {lines[0]}"
    verb = "is" if len(lines) == 1 else "are"
    head = (
        f"Of {_count(points, 'point')}, {len(lines)} {verb} excelled by no other in all objectives:"
    )
    return "\n  ".join([head, *sorted(lines)])


def _line(folder: Path, trial: FrozenTrial, planned: Sequence[Planned], settings: Settings) -> str:
    values = ", ".join(
        f"{name} {value:.6g}" for name, value in _values(folder, trial, planned, settings)
    )
    params = " ".join(f"{key}={_short(value)}" for key, value in trial.params.items())
    numbers = ", ".join(str(one.number) for one in planned)
    which = f"mean of trials {numbers}" if len(planned) > 1 else f"trial {numbers}"
    return f"{values} ({which}): {params}"


def _values(
    folder: Path, trial: FrozenTrial, planned: Sequence[Planned], settings: Settings
) -> list[tuple[str, float]]:
    if settings.objectives:
        return list(zip(settings.objectives, trial.values, strict=True))
    one: Trial = read_trial(folder / str(planned[0].number))
    sign = -1 if one.record.get("higher_is_better") is False else 1
    return [(f"val {one.monitor}", sign * trial.values[0])]


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
