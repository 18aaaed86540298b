"""A trial ends early where the others of its sweep did better; their folders say so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import seqloom
from seqloom.sweep.ledger import Trial, read_trial
from seqloom.sweep.optuna.lead import pruning_override
from seqloom.sweep.optuna.settings import Settings

from .conftest import write_trial

MEDIAN = Settings(pruner="median", pruner_params={"n_startup_trials": 2})


def train(folder: Path, settings: Settings, *overrides: str) -> Trial:
    """Train the third trial of a sweep."""
    seqloom.fit(*overrides, pruning_override(settings), run_dir=folder / "2")
    return read_trial(folder / "2")


@pytest.fixture
def two_good_ones(tmp_path: Path) -> Path:
    """Return a sweep's folder with two trials that end well."""
    for number in range(2):
        write_trial(tmp_path / str(number), 1.0, curve=[0.9, 0.95, 1.0])
    return tmp_path


@pytest.mark.parametrize("callbacks", ["none", "default"])
def test_a_trial_that_does_worse_is_pruned(
    two_good_ones: Path, small: tuple[str, ...], callbacks: str
) -> None:
    overrides = (*small, "trainer.max_epochs=3", f"callbacks={callbacks}", "optimizer.lr=1e-6")
    trial = train(two_good_ones, MEDIAN, *overrides)
    assert trial.state == "pruned"
    assert trial.record["epochs"] == 1
    assert trial.record["monitor"] == "f1"
    assert not (trial.folder / "bundle").exists()


def test_what_was_pruned_is_not_trained_again(two_good_ones: Path, small: tuple[str, ...]) -> None:
    overrides = (*small, "trainer.max_epochs=3", "optimizer.lr=1e-6", "resume=auto")
    train(two_good_ones, MEDIAN, *overrides)
    again = train(two_good_ones, MEDIAN, *overrides)
    assert again.state == "pruned"
    assert again.record["epochs"] == 1


@pytest.mark.parametrize(
    ("curve", "settings", "epochs"),
    [
        ([0.0, 0.0], MEDIAN, 2),  # it does no worse
        ([1.0], MEDIAN, 1),  # its last epoch is over
        ([1.0, 1.0], Settings(pruner="median", pruner_params={"n_startup_trials": 3}), 2),
        ([1.0, 1.0], Settings(pruner="hyperband"), 2),  # the first of its rung
    ],
)
def test_a_trial_that_need_not_be_pruned_ends_well(
    tmp_path: Path, small: tuple[str, ...], curve: list[float], settings: Settings, epochs: int
) -> None:
    more: dict[str, Any] = {"state": "failed"} if settings.pruner == "hyperband" else {}
    for number in range(2):
        write_trial(tmp_path / str(number), 1.0, curve=() if more else curve, **more)
    overrides = (*small, f"trainer.max_epochs={epochs}", "optimizer.lr=1e-6")
    assert train(tmp_path, settings, *overrides).record["epochs"] == epochs


@pytest.mark.parametrize(
    ("others", "objective", "state"),
    [
        ((1.0, 99.0), {"val/loss": "minimize"}, "done"),
        ((0.0, 1e-9), {"val/loss": "minimize"}, "pruned"),
        ((1.0, 1e-9), {"val/loss": "maximize"}, "done"),
        ((0.0, 99.0), {"val/loss": "maximize"}, "pruned"),
        ((1.0, 1e-9), {"val/lsos": "minimize"}, "done"),  # what no trial has is no reason
    ],
    ids=str,
)
def test_a_trial_is_pruned_by_the_objective(
    tmp_path: Path,
    small: tuple[str, ...],
    others: tuple[float, float],
    objective: dict[str, str],
    state: str,
) -> None:
    score, loss = others
    for number in range(2):
        write_trial(tmp_path / str(number), score, curve=[score] * 2, losses=[loss] * 2)
    settings = Settings(
        pruner="median", pruner_params={"n_startup_trials": 2}, objectives=objective
    )
    overrides = (*small, "trainer.max_epochs=2", "optimizer.lr=1e-6")
    trial = train(tmp_path, settings, *overrides)
    assert (trial.state, trial.record["epochs"]) == (state, 1 if state == "pruned" else 2)


def test_a_run_by_itself_has_nobody_to_be_compared_with(
    two_good_ones: Path, small: tuple[str, ...]
) -> None:
    overrides = (*small, "trainer.max_epochs=2", "optimizer.lr=1e-6", pruning_override(MEDIAN))
    folder = seqloom.fit(*overrides, run_dir=two_good_ones / "alone").run_dir
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert (record["state"], record["epochs"]) == ("done", 2)


def test_the_ranks_of_a_trial_end_together(
    tmp_path: Path, small: tuple[str, ...], program: Callable[..., Any]
) -> None:
    words = ["hydra.sweeper.n_trials=1", "optimizer.lr=interval(0.01,0.02)"]
    words.append("hydra.sweeper.pruner=threshold")
    bound = "hydra.sweeper.pruner_params={lower: 2}"  # which no F1 reaches
    where = ["trainer.devices=2", "trainer.max_epochs=9", f"run_dir={tmp_path}/sweep"]
    done = program("train", "-m", "hydra/sweeper=optuna", *words, bound, *small, *where)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "sweep" / "0" / "run.json").read_text("utf-8"))
    assert (record["state"], record["ranks"]) == ("pruned", 2)
    assert record["epochs"] < 9
    assert not (tmp_path / "sweep" / "0" / "bundle").exists()
