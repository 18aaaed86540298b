"""The front of a search by several objectives: the points that none excels in all of them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from seqloom.errors import SeqloomError
from seqloom.sweep.ledger import read_plan

GET_OPTUNA = (
    "To see the points that no other excels in all objectives, install optuna: "
    'pip install "seqloom[sweep]"'
)


def has_several_objectives(folder: Path) -> bool:
    """Return whether a sweep is a search by several objectives, so that no point is the best."""
    settings = read_plan(folder).get("settings")
    objectives = settings.get("objectives") if isinstance(settings, dict) else None
    return isinstance(objectives, dict) and len(objectives) > 1


def front(folder: Path) -> list[str]:
    """Return the front in words: a heading, and a line for each of its points.

    Args:
        folder: of a search by several objectives.

    Returns:
        The lines; one alone that says why where the front cannot be told.
    """
    if find_spec("optuna") is None:
        return [GET_OPTUNA]
    from seqloom.sweep.optuna.best import best_in_words
    from seqloom.sweep.optuna.settings import Settings
    from seqloom.sweep.optuna.study import rebuild
    from seqloom.sweep.plan import read_plan as whole_plan

    try:
        plan = whole_plan(folder)
        return best_in_words(plan, rebuild(plan), Settings(**plan.settings)).splitlines()
    except SeqloomError as fault:
        return [f"The front cannot be told: {fault}"]
