"""A trial is pruned if others of its sweep, whose folders are read, score better."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from optuna.trial import TrialState

import seqloom
from seqloom.errors import ConfigError
from seqloom.plugins import resolve
from seqloom.sweep.optuna.pruning import Pruning, Reported, Reports, should_prune
from seqloom.sweep.optuna.search import pruning_override
from seqloom.sweep.optuna.settings import Settings, build_pruner
from seqloom.sweep.optuna.study import study_in_memory
from seqloom.sweep.trials import Trial, read_trial

from .conftest import write_trial

CASES = [
    ("none", {}),
    ("median", {"n_startup_trials": 2}),
    ("median", {"n_startup_trials": 3, "n_warmup_steps": 3}),
    ("percentile", {"percentile": 25.0, "n_startup_trials": 2}),
    ("successive_halving", {"reduction_factor": 2}),
    ("hyperband", {"max_resource": 9, "reduction_factor": 3}),
    ("threshold", {"lower": 0.2, "n_warmup_steps": 2}),
]

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


@pytest.mark.parametrize(("name", "params"), CASES)
def test_decisions_from_files_equal_those_of_a_live_study(
    name: str, params: dict[str, float]
) -> None:
    rng = random.Random(5)
    live = study_in_memory(["maximize"], build_pruner(name, params))
    reports: dict[int, dict[int, float]] = {}
    ended: dict[int, str] = {}
    for number in range(14):
        trial, slope = live.ask(), rng.random()
        reports[number], ended[number] = {}, "done"
        for epoch in range(1, 10):
            reports[number][epoch] = slope * epoch / 9 + rng.gauss(0, 0.05)
            trial.report(reports[number][epoch], epoch)
            expected = trial.should_prune()
            others = {one: state for one, state in ended.items() if one != number}
            assert should_prune(build_pruner(name, params), reports, others, number) == expected
            if expected:
                ended[number] = "pruned"
                break
        if ended[number] == "done":
            live.tell(trial, reports[number][9])
        else:
            live.tell(trial, state=TrialState.PRUNED)
    assert ("pruned" in ended.values()) == (name != "none")


def test_a_trial_whose_values_are_nan_is_pruned() -> None:
    reports = {0: {1: 0.5}, 1: {1: 0.4}, 2: {1: math.nan}}
    ended = {0: "done", 1: "done"}
    assert should_prune(build_pruner("median", {"n_startup_trials": 2}), reports, ended, 2)


def report(folder: Path, value: float) -> None:
    line = f'{{"step": 1, "epoch": 0, "val/loss": {value}}}\n'
    (folder / "metrics.jsonl").write_text(line, encoding="utf-8")


def test_what_cannot_change_is_not_read_again(tmp_path: Path) -> None:
    for number, state in enumerate(["done", "running"]):
        write_trial(tmp_path / str(number), 0.5, losses=[1.0], state=state)
    (tmp_path / "2").mkdir()  # it has not begun
    (tmp_path / "index.json").touch()
    reports = Reports(tmp_path, "val/loss")
    first = {0: Reported("done", {1: 1.0}), 1: Reported("running", {1: 1.0})}
    assert reports.read() == first
    for number in range(2):
        report(tmp_path / str(number), 2.0)
    assert reports.read() == first | {1: Reported("running", {1: 2.0})}


def test_a_trial_that_is_tried_again_is_read_again(tmp_path: Path) -> None:
    reports = Reports(tmp_path, "val/loss")
    write_trial(tmp_path / "0", 0.5, losses=[1.0, 2.0], state="failed")
    assert reports.read() == {0: Reported("failed", {1: 1.0, 2: 2.0})}
    write_trial(tmp_path / "0", 0.5, losses=[3.0], state="running")
    assert reports.read() == {0: Reported("running", {1: 3.0})}
    write_trial(tmp_path / "0", 0.5, losses=[3.0, 4.0])
    assert reports.read() == {0: Reported("done", {1: 3.0, 2: 4.0})}


@pytest.mark.parametrize(
    ("metric", "direction", "compared"),
    [
        ("val/f1", "auto", ("val/f1", 1)),
        ("val/loss", "auto", ("val/loss", -1)),
        ("val/loss", "maximize", ("val/loss", 1)),
        ("val/f1", "minimize", ("val/f1", -1)),
    ],
)
def test_a_metric_is_compared_in_its_direction(
    metric: str, direction: str, compared: tuple[str, int]
) -> None:
    section = resolve("head", "ner")
    codec = section.make_codec()
    codec.restore({"scheme": "iob2", "tags": ["O"]})
    module: Any = SimpleNamespace(pipeline=SimpleNamespace(head=section(codec, 4)))
    assert Pruning("median", metric=metric, direction=direction)._compared_by(module) == compared


def test_hyperband_needs_to_know_the_length_of_trials() -> None:
    trainer: Any = SimpleNamespace(max_epochs=-1)
    with pytest.raises(ConfigError, match=r"hyperband needs the maximum length of trials: set tr"):
        Pruning("hyperband")._params(trainer)
    trainer.max_epochs = 9
    assert Pruning("hyperband")._params(trainer) == {"max_resource": 9}
