"""What the points of a sweep are ranked by: the objective of a search, or the monitored metric."""

from __future__ import annotations

from collections.abc import Sequence

from seqloom.sweep.board import Board
from seqloom.sweep.directions import AUTO, direction
from seqloom.sweep.folder import Plan
from seqloom.sweep.leaderboard import best_trial, boards
from seqloom.sweep.trials import Trial


def ranking(plan: Plan, trials: Sequence[Trial]) -> tuple[str | None, str]:
    """Return the metric that a search ranks its points by, and a note if a table cannot.

    Args:
        plan: Plan of the sweep.
        trials: Its trials.

    Returns:
        The name of the only objective if it is a metric on validation; None: the monitored metric.
        The note says that the objective is another one.
    """
    objectives = plan.settings.get("objectives")
    if not isinstance(objectives, dict) or len(objectives) != 1:
        return None, ""
    (name, chosen), *_ = objectives.items()
    split, _, metric = str(name).partition("/")
    measured = [trial for trial in trials if trial.value("val", metric) is not None]
    if split == "val":
        if not measured:
            return None, ""
        higher, _ = direction(metric, measured)
        if chosen == AUTO or (chosen == "maximize") == higher:
            return metric, ""
    how = "" if chosen == AUTO else f" ({chosen})"
    return None, (
        f"The objective of the search is {name}{how}. Rows, and the best model, are ranked by the "
        "monitored metric on val instead."
    )


def ranked_boards(
    plan: Plan,
    trials: Sequence[Trial],
    by: Sequence[str] | None = None,
    metric: str | None = None,
) -> list[Board]:
    """Return the leaderboards of a sweep, as `boards`.

    Args:
        plan: Plan of the sweep.
        trials: Its trials.
        by: Keys to group by; None: each point is a row.
        metric: Metric to rank by; None: that of `ranking`.

    Raises:
        ConfigError: No trial has this metric, or sets one of the keys.
    """
    objective, note = ranking(plan, trials) if metric is None else (metric, "")
    made = boards(trials, by, objective, compared=not plan.has_several_objectives)
    for board in made:
        board.notes += [note] if note and any(row.val for row in board.rows) else []
    return made


def best_of(plan: Plan, trials: Sequence[Trial]) -> Trial | None:
    """Return the best trial; None where there is none, as in a search with several objectives."""
    if plan.has_several_objectives:
        return None
    return best_trial(trials, ranking(plan, trials)[0])
