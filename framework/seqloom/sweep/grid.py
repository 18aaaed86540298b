"""The grid sweeper: every combination of the given values once, with the keys that apply to it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import fields

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.types import Override

from seqloom.errors import ConfigError, plural
from seqloom.plugins import registry
from seqloom.sweep.sweeper import PlannedSweeper

log = logging.getLogger("seqloom")


def owners(kind: str, name: str) -> list[str]:
    """Return the components of a kind that have this parameter."""
    return sorted(
        f"{kind}={component.name}"
        for (of_kind, _), (component, _) in registry().components.items()
        if of_kind == kind and name in {one.name for one in fields(component.section_schema())}
    )


class Grid(PlannedSweeper):
    """Runs every combination of the given values."""

    kind = "grid"

    def run(self, arguments: list[str], resuming: bool) -> None:
        """Plan all trials, then launch those that are not done."""
        if not resuming:
            for overrides in self._trials(self.parse(arguments)):
                self.plan.add(overrides)
            self.plan.save()
        todo = self.unfinished()
        if resuming:
            log.info("Trials left to run: %d of %d.", len(todo), len(self.plan.trials))
        if todo:
            self.launch(todo)

    def _trials(self, overrides: Sequence[Override]) -> list[list[str]]:
        """Return the overrides of each trial.

        Raises:
            ConfigError: A key does not apply to any point, or a value is not valid for its key.
        """
        for override in overrides:
            if override.is_sweep_override() and not override.is_discrete_sweep():
                raise ConfigError(
                    f"{override.input_line}: a grid needs a list of values, not an interval. List "
                    "them, or search the interval with Optuna: hydra/sweeper=optuna"
                )
        (combinations,) = BasicSweeper.split_arguments(list(overrides), None)
        trials = list(dict.fromkeys(tuple(self.override_filter.apply(one)) for one in combinations))
        self._refuse_unused(combinations[0], trials)
        self._check(trials)
        for message in self.override_filter.messages():
            log.info("%s", message)
        if len(trials) < len(combinations):
            log.info(
                "%d combinations give %d different %s.",
                len(combinations),
                len(trials),
                plural(len(trials), "trial"),
            )
        return [list(trial) for trial in trials]

    def _refuse_unused(self, combination: list[str], trials: Sequence[tuple[str, ...]]) -> None:
        """Refuse a key that does not apply to any trial; ``combination`` has all keys."""
        used = {word.partition("=")[0] for trial in trials for word in trial}
        for word in combination:
            key = word.partition("=")[0]
            if key not in used:
                kind, _, name = key.partition(".")
                others = owners(kind, name)
                if others:
                    choices = ", ".join(self.override_filter.dropped[key])
                    raise ConfigError(
                        f"{key} does not apply to any point of this sweep ({choices}). "
                        f"These have it: {', '.join(others)}."
                    )
                self.override_filter.check([*trials[0], word])

    def _check(self, trials: Sequence[tuple[str, ...]]) -> None:
        """Compose the trials that differ in more than their seed, to find wrong values now.

        Raises:
            ConfigError: A value is not valid for its key.
        """
        seen: set[tuple[str, ...]] = set()
        for trial in trials:
            seeds = tuple(word for word in trial if word.startswith("seed="))
            point = tuple(word for word in trial if word not in seeds)
            if not {point, seeds} <= seen:
                self.override_filter.check(trial)
                seen |= {point, seeds}
