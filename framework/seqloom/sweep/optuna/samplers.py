"""Optuna's samplers by name."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np
from optuna import samplers
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler

from seqloom.errors import ConfigError, did_you_mean

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
NEEDS = {"cmaes": ("cmaes",), "gp": ("scipy", "torch"), "qmc": ("scipy",)}
QUIET = {
    "cmaes": {"warn_independent_sampling": False},
    "gp": {"warn_independent_sampling": False},
    "qmc": {"warn_independent_sampling": False, "warn_asynchronous_seeding": False},
}
"""A key that applies to some points only is sampled by itself; that needs no warning each time."""


def build_sampler(name: str, params: Mapping[str, Any], seed: int, asked: int) -> BaseSampler:
    """Return a sampler for the next points.

    Args:
        name: one of `SAMPLERS`.
        params: arguments of Optuna's class.
        seed: of the search.
        asked: how many points were asked for before. A search that goes on in a new process thus
            asks for what it would have asked for in the old one, not for its first points again.

    Raises:
        ConfigError: there is no such sampler, it refuses its parameters, or lacks a package.
    """
    if name not in SAMPLERS:
        hint = did_you_mean(name, SAMPLERS)
        raise ConfigError(f"hydra.sweeper.sampler={name} is no sampler. {hint}")
    missing = [package for package in NEEDS.get(name, ()) if not find_spec(package)]
    if missing:
        raise ConfigError(
            f"hydra.sweeper.sampler={name} needs the package {missing[0]}, which is not "
            f"installed: pip install {missing[0]}"
        )
    own: dict[str, Any] = {"seed": _seed(name, seed, asked), **QUIET.get(name, {}), **params}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        try:
            sampler: BaseSampler = getattr(samplers, SAMPLERS[name])(**own)
        except (TypeError, ValueError) as fault:
            raise ConfigError(
                f"hydra.sweeper.sampler_params do not suit {name}: {fault}"
            ) from fault
    return sampler


def _seed(name: str, seed: int, asked: int) -> int:
    if name == "qmc":
        return seed  # it walks along one sequence, which another seed would change
    return int(np.random.SeedSequence([seed, asked]).generate_state(1)[0])
