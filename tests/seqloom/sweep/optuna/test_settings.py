"""Settings that make no sense are refused before the first trial."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import seqloom
from seqloom.errors import ConfigError
from seqloom.sweep.ledger import read_trial
from seqloom.sweep.optuna.outcome import numbers
from seqloom.sweep.optuna.settings import RECORDED, Settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_trials": 0}, "n_trials=0: expected 1 or more"),
        ({"seed": -1}, "seed=-1: expected 0 or more"),
        ({"objectives": {"val/f1": "maximise"}}, "'maximise'. Did you mean 'maximize'"),
        (
            {"objectives": {"seconds": "minimize", "val/f1": "maximize"}, "pruner": "median"},
            "pruned by one metric, but there are 2 objectives",
        ),
        (
            {"objectives": {"training_seconds": "minimize"}, "pruner": "median"},
            "the objective training_seconds is known only at its end",
        ),
        (
            {"objectives": {"test/f1": "maximize"}, "pruner": "hyperband"},
            "the objective test/f1 is known only at its end",
        ),
        ({"objectives": {"f1": "maximize"}}, "no trial has 'f1'. .*val/f1 or test/f1 say"),
        ({"objectives": {"train/loss": "minimize"}}, "no trial has 'train/loss'"),
        ({"objectives": {"paramters": "minimize"}}, "Did you mean 'parameters'"),
    ],
)
def test_they_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Settings(**settings).check()


def test_the_watched_metric_is_maximised() -> None:
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
