"""The grid: every combination of the values given, each once, with the keys that apply to it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import fields

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.types import Override

from seqloom.errors import ConfigError
from seqloom.plugins import registry
from seqloom.sweep.sweeper import PlannedSweeper

log = logging.getLogger("seqloom")


def owners(kind: str, name: str) -> list[str]:
    """Return the components of a kind that have a parameter."""
    return sorted(
        f"{kind}={component.name}"
        for (of_kind, _), (component, _) in registry().components.items()
        if of_kind == kind and name in {one.name for one in fields(component.schema)}
    )


class Grid(PlannedSweeper):
    """Tries every combination of the values that are given."""

    kind = "grid"

    def run(self, arguments: list[str], resuming: bool) -> None:
        """Plan all trials at once, then launch those that are not done."""
        if not resuming:
            for overrides in self._trials(self.parse(arguments)):
                self.plan.add(overrides)
            self.plan.save()
        todo = self.unfinished()
        if resuming:
            log.info("%d of %d trials are to be run.", len(todo), len(self.plan.trials))
        if todo:
            self.launch(todo)

    def _trials(self, overrides: Sequence[Override]) -> list[list[str]]:
        """Return each trial's overrides.

        Raises:
            ConfigError: a key applies to no point, or a value is none that its key takes.
        """
        for override in overrides:
            if override.is_sweep_override() and not override.is_discrete_sweep():
                raise ConfigError(
                    f"{override.input_line}: a grid has no values to try of an interval. Name "
                    "them, or let Optuna search it: hydra/sweeper=optuna"
                )
        (combinations,) = BasicSweeper.split_arguments(list(overrides), None)
        trials = list(dict.fromkeys(tuple(self.applicable.applying(one)) for one in combinations))
        self._refuse_useless(combinations[0], trials)
        self._check(trials)
        for sentence in self.applicable.told():
            log.info("%s", sentence)
        if len(trials) < len(combinations):
            log.info("%d combinations are %d different trials.", len(combinations), len(trials))
        return [list(trial) for trial in trials]

    def _refuse_useless(self, combination: list[str], trials: Sequence[tuple[str, ...]]) -> None:
        """Refuse a key that no trial has; ``combination`` has all of them."""
        used = {word.partition("=")[0] for trial in trials for word in trial}
        for word in combination:
            key = word.partition("=")[0]
            if key not in used:
                kind, _, name = key.partition(".")
                others = owners(kind, name)
                if others:
                    choices = ", ".join(self.applicable.left_out[key])
                    raise ConfigError(
                        f"{key} applies to no point of this sweep ({choices}); "
                        f"{', '.join(others)} would have it."
                    )
                self.applicable.check([*trials[0], word])

    def _check(self, trials: Sequence[tuple[str, ...]]) -> None:
        """Compose the trials that differ in more than their seed: a wrong value ends the sweep now.

        Raises:
            ConfigError: a value is none that its key takes.
        """
        seen: set[tuple[str, ...]] = set()
        for trial in trials:
            seeds = tuple(word for word in trial if word.startswith("seed="))
            point = tuple(word for word in trial if word not in seeds)
            if not {point, seeds} <= seen:
                self.applicable.check(trial)
                seen |= {point, seeds}
