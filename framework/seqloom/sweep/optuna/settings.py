"""The settings of a search, and the Optuna sampler and pruner that they name.

Optuna is imported only to build these: Hydra imports the settings at every start.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from seqloom.errors import Cause, ConfigError, did_you_mean
from seqloom.sweep.directions import AUTO, DIRECTIONS, RECORDED

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

log = logging.getLogger("seqloom")

SAMPLERS = {
    "tpe": "TPESampler",
    "random": "RandomSampler",
    "cmaes": "CmaEsSampler",
    "gp": "GPSampler",
    "nsgaii": "NSGAIISampler",
    "nsgaiii": "NSGAIIISampler",
    "qmc": "QMCSampler",
    "brute_force": "BruteForceSampler",
}
_NEEDS = {"cmaes": ("cmaes",), "gp": ("scipy", "torch"), "qmc": ("scipy",)}
_QUIET = {
    "cmaes": {"warn_independent_sampling": False},
    "gp": {"warn_independent_sampling": False},
    "qmc": {"warn_independent_sampling": False, "warn_asynchronous_seeding": False},
}
"""Keys that apply to some points only are sampled independently, which needs no warning."""

PRUNERS = {
    "none": "NopPruner",
    "median": "MedianPruner",
    "percentile": "PercentilePruner",
    "hyperband": "HyperbandPruner",
    "successive_halving": "SuccessiveHalvingPruner",
    "threshold": "ThresholdPruner",
}

_PRUNER_DEFAULTS = {"successive_halving": {"min_resource": 1}}
"""Arguments that Optuna would otherwise derive from the first trial, after its end."""


@dataclass
class Settings:
    """Settings of a search.

    Attributes:
        n_trials: Number of different points to try, each with every seed.
        sampler: Name of a sampler: ``tpe``, ``random``, ``cmaes``, ``gp``, ``nsgaii``,
            ``nsgaiii``, ``qmc`` or ``brute_force``. Example: ``random``.
        sampler_params: Arguments of Optuna's sampler. Example: ``{n_startup_trials: 5}``.
        seed: Seed of the sampler; the trials have their own seeds.
        pruner: Name of a pruner: ``none``, ``median``, ``percentile``, ``hyperband``,
            ``successive_halving`` or ``threshold``. Example: ``median``.
        pruner_params: Arguments of Optuna's pruner; its steps are epochs, counted from 1.
            Example: ``{n_warmup_steps: 2}``.
        objectives: ``maximize``, ``minimize`` or ``auto``, the direction of the metric, by name of
            a value in a trial's record, such as ``val/f1`` or ``training_seconds``. Empty: the
            head's monitored metric on validation. Example: ``{val/f1: maximize}``.
    """

    n_trials: int = 20
    sampler: str = "tpe"
    sampler_params: dict[str, Any] = field(default_factory=dict)
    seed: int = 1
    pruner: str = "none"
    pruner_params: dict[str, Any] = field(default_factory=dict)
    objectives: dict[str, str] = field(default_factory=dict)

    def check(self) -> None:
        """Check the settings, including the names and arguments of the sampler and the pruner.

        Raises:
            ConfigError: A value is out of range or unknown, or settings exclude each other.
        """
        if self.n_trials < 1:
            raise ConfigError(
                f"hydra.sweeper.n_trials={self.n_trials}: expected 1 or more.",
                cause=Cause.wrong_value,
            )
        if self.seed < 0:
            raise ConfigError(
                f"hydra.sweeper.seed={self.seed}: expected 0 or more.", cause=Cause.wrong_value
            )
        for name, direction in self.objectives.items():
            if direction not in DIRECTIONS:
                hint = did_you_mean(str(direction), DIRECTIONS)
                raise ConfigError(
                    f"hydra.sweeper.objectives: the direction of {name} is {direction!r}. {hint}"
                )
            if not name.startswith(("val/", "test/")) and name not in RECORDED:
                raise ConfigError(
                    f"hydra.sweeper.objectives: trials do not have {name!r}. A metric has "
                    f"its split in its name, such as val/f1. Others: {did_you_mean(name, RECORDED)}"
                )
            if name.startswith("test/"):
                log.warning(
                    "hydra.sweeper.objectives: %s is a score of the test split, which is too good "
                    "for points that were chosen by it. Choose them by val/%s.",
                    name,
                    name.removeprefix("test/"),
                )
        if self.pruner != "none":
            self._check_pruned()
        build_sampler(self.sampler, self.sampler_params, self.seed, 0)
        build_pruner(self.pruner, self.pruner_params)

    def _check_pruned(self) -> None:
        """Refuse objectives that trials cannot be pruned by.

        Raises:
            ConfigError: There are several, or the only one has no value after each epoch.
        """
        if len(self.objectives) > 1:
            raise ConfigError(
                f"hydra.sweeper.pruner={self.pruner}: trials are pruned by one metric, but there "
                f"are {len(self.objectives)} objectives. Set hydra.sweeper.pruner=none, or "
                "keep one objective."
            )
        for name in self.objectives:
            if not is_reported(name):
                raise ConfigError(
                    f"hydra.sweeper.pruner={self.pruner}: trials are pruned by a value after "
                    f"each epoch, but the objective {name} is known only at the end. Set "
                    "hydra.sweeper.pruner=none, or use an objective on validation: val/loss."
                )

    @property
    def directions(self) -> list[str]:
        """Optuna's directions: what is reported so that higher is better is maximized."""
        chosen = ["maximize" if one == AUTO else one for one in self.objectives.values()]
        return chosen or ["maximize"]

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain data for the plan."""
        return asdict(self)


def is_reported(objective: str) -> bool:
    """Return whether trials report an objective after each epoch, not only at their end."""
    return objective.startswith("val/")


def build_sampler(name: str, params: Mapping[str, Any], seed: int, asked: int) -> BaseSampler:
    """Return an Optuna sampler for the next points.

    Args:
        name: One of `SAMPLERS`.
        params: Arguments of Optuna's class.
        seed: Seed of the search.
        asked: Number of points suggested before. A search that is resumed in a new process thus
            gets the points that it would have got in the old one, not its first ones again.

    Raises:
        ConfigError: There is no such sampler, its arguments are not valid, or a package is missing.
    """
    from optuna import samplers
    from optuna.exceptions import ExperimentalWarning

    if name not in SAMPLERS:
        hint = did_you_mean(name, SAMPLERS)
        raise ConfigError(f"hydra.sweeper.sampler={name} is not a sampler. {hint}")
    missing = [package for package in _NEEDS.get(name, ()) if not find_spec(package)]
    if missing:
        raise ConfigError(
            f"hydra.sweeper.sampler={name} needs the package {missing[0]}, which is not "
            f"installed: pip install {missing[0]}",
            cause=Cause.missing_extra,
        )
    own: dict[str, Any] = {"seed": _seed(name, seed, asked), **_QUIET.get(name, {}), **params}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        try:
            sampler: BaseSampler = getattr(samplers, SAMPLERS[name])(**own)
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"hydra.sweeper.sampler_params are not valid for {name}: {error}"
            ) from error
    return sampler


def _seed(name: str, seed: int, asked: int) -> int:
    if name == "qmc":
        return seed  # a single sequence, which another seed would change
    import numpy as np

    return int(np.random.SeedSequence([seed, asked]).generate_state(1)[0])


def build_pruner(name: str, params: Mapping[str, Any]) -> BasePruner:
    """Return an Optuna pruner.

    Raises:
        ConfigError: There is no such pruner, or its arguments are not valid.
    """
    from optuna import pruners

    if name not in PRUNERS:
        hint = did_you_mean(name, PRUNERS)
        raise ConfigError(f"hydra.sweeper.pruner={name} is not a pruner. {hint}")
    try:
        pruner: BasePruner = getattr(pruners, PRUNERS[name])(
            **{**_PRUNER_DEFAULTS.get(name, {}), **params}
        )
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"hydra.sweeper.pruner_params are not valid for {name}: {error}"
        ) from error
    return pruner
