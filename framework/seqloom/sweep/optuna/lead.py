"""Lead a sweep by Optuna."""

from __future__ import annotations

import logging
from typing import Any

from hydra.core.override_parser.types import Override

from seqloom.sweep.optuna.asking import Asker
from seqloom.sweep.optuna.best import best_in_words
from seqloom.sweep.optuna.pruners import build_pruner
from seqloom.sweep.optuna.samplers import build_sampler
from seqloom.sweep.optuna.search import Search
from seqloom.sweep.optuna.settings import Settings
from seqloom.sweep.optuna.space import read_space
from seqloom.sweep.sweeper import PlannedSweeper

log = logging.getLogger("seqloom")


def lead(
    sweeper: PlannedSweeper, settings: Settings, arguments: list[str], resuming: bool, at_once: int
) -> None:
    """Search until there were enough points, and say which was the best.

    Args:
        sweeper: has the plan, and launches.
        settings: of the search.
        arguments: the overrides to search over.
        resuming: whether another process began the search; its open trials come first.
        at_once: how many trials run at once.

    Raises:
        SeqloomError: the settings or the space make no sense, or trials cannot be launched.
    """
    settings.check()
    build_sampler(settings.sampler, settings.sampler_params, settings.seed, 0)
    build_pruner(settings.pruner, settings.pruner_params)
    space = read_space(sweeper.parse(arguments))
    if settings.pruner != "none":
        space.fixed.append(pruning_override(settings))
    asker = Asker(space, sweeper.applicable)
    asker.refuse_useless()
    if resuming and (todo := sweeper.unfinished()):
        sweeper.launch(todo)
    search = Search(sweeper.plan, settings, asker, sweeper.launch, at_once)
    search.run()
    for sentence in sweeper.applicable.told():
        log.info("%s", sentence)
    if len(settings.objectives) < 2:  # of several, the leaderboard shows the front
        log.info("%s", best_in_words(sweeper.plan, search.study, settings))


def pruning_override(settings: Settings) -> str:
    """Return the override that has a trial ask the pruner, whatever its other callbacks are."""
    section: dict[str, Any] = {
        "_target_": "seqloom.sweep.optuna.pruning.Pruning",
        "pruner": settings.pruner,
        "pruner_params": dict(settings.pruner_params),
    }
    for metric, direction in settings.objectives.items():
        section |= {"metric": metric, "direction": direction}
    return f"++callbacks.pruning={Override._get_value_element_as_str(section)}"
