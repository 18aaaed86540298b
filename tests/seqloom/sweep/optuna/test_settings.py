"""Settings that are not valid are refused before the first trial; samplers and pruners by name."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import seqloom
from seqloom.errors import ConfigError
from seqloom.sweep.directions import RECORDED
from seqloom.sweep.optuna import settings as module
from seqloom.sweep.optuna.settings import (
    _NEEDS,
    SAMPLERS,
    Settings,
    build_pruner,
    build_sampler,
)
from seqloom.sweep.optuna.study import numbers, study_in_memory
from seqloom.sweep.trials import read_trial

INSTALLED = [name for name in SAMPLERS if all(map(find_spec, _NEEDS.get(name, ())))]


def test_a_choice_by_the_test_split_causes_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    Settings(objectives={"val/f1": "maximize"}).check()
    assert not caplog.text
    Settings(objectives={"test/f1": "maximize"}).check()
    assert "objectives: test/f1 is a score of the test split" in caplog.text
    assert "Choose them by val/f1." in caplog.text


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_trials": 0}, "n_trials=0: expected 1 or more"),
        ({"seed": -1}, "seed=-1: expected 0 or more"),
        ({"objectives": {"val/f1": "maximise"}}, "'maximise'. Did you mean 'maximize'"),
        (
            {"objectives": {"seconds": "minimize", "val/f1": "maximize"}, "pruner": "median"},
            "trials are pruned by one metric, but there are 2 objectives",
        ),
        (
            {"objectives": {"training_seconds": "minimize"}, "pruner": "median"},
            "the objective training_seconds is known only at the end",
        ),
        (
            {"objectives": {"test/f1": "maximize"}, "pruner": "hyperband"},
            "the objective test/f1 is known only at the end",
        ),
        ({"objectives": {"f1": "maximize"}}, "trials do not have 'f1'. .*such as val/f1"),
        ({"objectives": {"train/loss": "minimize"}}, "trials do not have 'train/loss'"),
        ({"objectives": {"paramters": "minimize"}}, "Did you mean 'parameters'"),
    ],
)
def test_they_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Settings(**settings).check()


def test_the_monitored_metric_is_maximised() -> None:
    assert Settings().directions == ["maximize"]
    two = Settings(objectives={"val/f1": "maximize", "parameters": "minimize"})
    assert two.directions == ["maximize", "minimize"]
    two.check()


@pytest.mark.parametrize("name", ["val/loss", "val/f1"])
def test_an_objective_on_validation_may_be_pruned_by(name: str) -> None:
    Settings(pruner="median", objectives={name: "minimize"}).check()


def test_every_number_that_a_record_is_asked_for_is_there(
    small: tuple[str, ...], tmp_path: Path
) -> None:
    folder = seqloom.fit(*small, run_dir=tmp_path / "run").run_dir
    known = numbers(read_trial(folder).record)
    assert set(RECORDED) <= set(known)


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
    with pytest.raises(ConfigError, match=r"sampler_params are not valid for tpe: .*n_startup"):
        build_sampler("tpe", {"n_startup": 3}, seed=1, asked=0)
    build_sampler("tpe", {"n_startup_trials": 3, "multivariate": True, "group": True}, 1, 0)


def test_an_unknown_sampler_is_named() -> None:
    with pytest.raises(ConfigError, match=r"sampler=tep is not a sampler\. Did you mean 'tpe'"):
        build_sampler("tep", {}, seed=1, asked=0)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda package: None)
    with pytest.raises(ConfigError, match=r"cmaes needs the package cmaes, which is not installed"):
        build_sampler("cmaes", {}, seed=1, asked=0)


def test_names_and_parameters_of_pruners_are_checked() -> None:
    with pytest.raises(ConfigError, match=r"pruner=medain is not a pruner\. Did you mean 'median'"):
        build_pruner("medain", {})
    with pytest.raises(ConfigError, match=r"pruner_params are not valid for median: .*n_startup"):
        build_pruner("median", {"n_startup": 1})
