"""Samplers by name."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from seqloom.errors import ConfigError
from seqloom.sweep.optuna import samplers
from seqloom.sweep.optuna.memory import study_in_memory
from seqloom.sweep.optuna.samplers import NEEDS, SAMPLERS, build_sampler

INSTALLED = [name for name in SAMPLERS if all(map(find_spec, NEEDS.get(name, ())))]


@pytest.mark.parametrize("name", INSTALLED)
def test_every_sampler_suggests_the_same_for_the_same_seed(name: str) -> None:
    def suggested() -> list[int]:
        study, found = study_in_memory(["maximize"]), []
        for asked in range(4):
            study.sampler = build_sampler(name, {}, seed=3, asked=asked)
            trial = study.ask()
            found.append(trial.suggest_int("x", 0, 1000))
            study.tell(trial, float(found[-1]))
        return found

    values = suggested()
    assert values == suggested()
    assert len(set(values)) > 1


def test_params_reach_optuna() -> None:
    with pytest.raises(ConfigError, match=r"sampler_params do not suit tpe: .*n_startup"):
        build_sampler("tpe", {"n_startup": 3}, seed=1, asked=0)
    build_sampler("tpe", {"n_startup_trials": 3, "multivariate": True, "group": True}, 1, 0)


def test_an_unknown_sampler_is_named() -> None:
    with pytest.raises(ConfigError, match=r"sampler=tep is no sampler\. Did you mean 'tpe'"):
        build_sampler("tep", {}, seed=1, asked=0)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samplers, "find_spec", lambda package: None)
    with pytest.raises(ConfigError, match=r"cmaes needs the package cmaes, which is not installed"):
        build_sampler("cmaes", {}, seed=1, asked=0)
