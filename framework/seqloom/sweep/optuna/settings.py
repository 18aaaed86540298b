"""The settings of a search."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from seqloom.errors import ConfigError, did_you_mean

DIRECTIONS = ("maximize", "minimize")

RECORDED = (
    "parameters",
    "epochs",
    "steps",
    "training_seconds",
    "seconds",
    "cost_per_second",
    "batch_fill",
)
"""Numbers of a trial's record, besides its metrics, that can be objectives."""


@dataclass
class Settings:
    """How a search goes about it.

    Attributes:
        n_trials: how many different points are tried, each with every seed.
        sampler: its name; see ``samplers.py``.
        sampler_params: arguments of Optuna's sampler.
        seed: of the sampler; the trials have seeds of their own.
        pruner: its name; see ``pruners.py``.
        pruner_params: arguments of Optuna's pruner; its steps are epochs, counted from 1.
        objectives: ``maximize`` or ``minimize`` by what a record says: ``val/f1``,
            ``training_seconds``; none: the head's monitored metric on the validation split.
    """

    n_trials: int = 20
    sampler: str = "tpe"
    sampler_params: dict[str, Any] = field(default_factory=dict)
    seed: int = 1
    pruner: str = "none"
    pruner_params: dict[str, Any] = field(default_factory=dict)
    objectives: dict[str, str] = field(default_factory=dict)

    def check(self) -> None:
        """Refuse settings that make no sense.

        Raises:
            ConfigError: a number is too small, a direction is none, or settings exclude each other.
        """
        if self.n_trials < 1:
            raise ConfigError(f"hydra.sweeper.n_trials={self.n_trials}: expected 1 or more.")
        if self.seed < 0:
            raise ConfigError(f"hydra.sweeper.seed={self.seed}: expected 0 or more.")
        for name, direction in self.objectives.items():
            if direction not in DIRECTIONS:
                hint = did_you_mean(str(direction), DIRECTIONS)
                raise ConfigError(f"hydra.sweeper.objectives: {name} is to {direction!r}. {hint}")
            if not name.startswith(("val/", "test/")) and name not in RECORDED:
                raise ConfigError(
                    f"hydra.sweeper.objectives: no trial has {name!r}. Metrics are named by their "
                    f"split, val/f1 or test/f1 say. Else: {did_you_mean(name, RECORDED)}"
                )
        if self.pruner != "none":
            self._check_pruned()

    def _check_pruned(self) -> None:
        """Refuse objectives that no trial can be pruned by.

        Raises:
            ConfigError: there are several, or the only one has no value after each epoch.
        """
        if len(self.objectives) > 1:
            raise ConfigError(
                f"hydra.sweeper.pruner={self.pruner}: a trial is pruned by one metric, but there "
                f"are {len(self.objectives)} objectives. Set hydra.sweeper.pruner=none, or "
                "name one objective."
            )
        for name in self.objectives:
            if not is_reported(name):
                raise ConfigError(
                    f"hydra.sweeper.pruner={self.pruner}: a trial is pruned by what it comes to "
                    f"after each epoch, but the objective {name} is known only at its end. Set "
                    "hydra.sweeper.pruner=none, or name an objective on validation: val/loss, say."
                )

    @property
    def directions(self) -> list[str]:
        """Optuna's directions; the monitored metric is told so that higher is better."""
        return list(self.objectives.values()) or ["maximize"]

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain data, for the plan."""
        return asdict(self)


def is_reported(objective: str) -> bool:
    """Return whether trials report an objective after each epoch, and not only at their end."""
    return objective.startswith("val/")
