"""What a run's user is told of its training."""

from __future__ import annotations

from typing import Any

import pytest

from seqloom.train.monitor import Monitor
from seqloom.train.notes import baseline_notes, run_notes, sampling_notes


def rows(scores: list[float | None], losses: list[float | None] | None = None) -> list[Any]:
    losses = losses or [1.0] * len(scores)
    return [
        {"step": epoch * 4, "epoch": epoch, "val/f1": score, "val/loss": loss}
        for epoch, (score, loss) in enumerate(zip(scores, losses, strict=True))
    ]


@pytest.mark.parametrize(
    ("scores", "losses", "note"),
    [
        ([0.1, 0.2, 0.3], None, "val f1 still rose in the last epoch (3): train for longer"),
        ([0.0, 0.0], None, "val f1 was 0 in every epoch: nothing was learned"),
        ([0.5, 0.4, 0.4], None, "Early stopping could not act: its patience is 5 validations"),
        ([0.3, None, 0.2] * 3, None, ""),
        (
            [0.5, 0.7, 0.6, 0.6, 0.6, 0.6],
            [1.0, 0.4, 0.3, 0.35, 0.4, 0.5],
            "val loss rose from 0.3000 in epoch 3 to 0.5000 in epoch 6: the model overfits",
        ),
        ([0.5, 0.7, 0.6, 0.6, 0.6, 0.6], [1.0, 0.4, 0.3, 0.3, 0.3, 0.35], ""),
        ([0.5], [1.0], ""),
        ([0.5, 0.4], [float("nan")] * 2, "Early stopping could not act"),
        ([], [], ""),
    ],
)
def test_notes(scores: list[float | None], losses: list[float | None], note: str) -> None:
    found = run_notes(rows(scores, losses), Monitor("f1", "max"), patience=5, stopped=False)
    assert [one[: len(note)] for one in found] == ([note] if note else [])


def test_a_metric_that_falls() -> None:
    fell = run_notes(rows([], []) + rows([1.0, 2.0], [2.0, 1.0]), Monitor("loss", "min"),
                     patience=None, stopped=False)  # fmt: skip
    assert fell == [
        "val loss still fell in the last epoch (2): train for longer, with trainer.max_epochs=4."
    ]


def test_a_training_that_stopped_early_had_its_chance() -> None:
    assert run_notes(rows([0.5, 0.4]), Monitor("f1", "max"), patience=2, stopped=True) == []


def test_a_negative_loss_is_not_taken_for_overfitting() -> None:
    losses = [-1.0, -0.99, -0.98, -0.97]
    rows = [{"epoch": epoch, "val/f1": 0.5, "val/loss": loss} for epoch, loss in enumerate(losses)]
    assert run_notes(rows, Monitor("f1", "max"), patience=None, stopped=False) == []


@pytest.mark.parametrize(
    ("name", "error", "uncertain"),
    [("f1", 0.03, True), ("f1", 0.02, False), ("f1", None, False), ("loss", 0.5, False)],
)
def test_a_small_val_says_little(name: str, error: float | None, uncertain: bool) -> None:
    notes = sampling_notes(Monitor(name, "max"), error, 42)
    expected = "val f1 is uncertain by ±0.060, two standard errors of the 42 examples of val:"
    assert [note[: len(expected)] for note in notes] == [expected] * uncertain


@pytest.mark.parametrize(
    ("mode", "simple", "told"),
    [("max", 0.8, True), ("max", 0.7, True), ("max", 0.6, False), ("min", 0.8, False)],
)
def test_a_simple_model_that_is_as_good(mode: Any, simple: float, told: bool) -> None:
    baselines = {"rare": {"val": {"f1": 0.1 if mode == "max" else 0.9}, "test": {"f1": 1.0}}}
    baselines["TF-IDF"] = {"val": {"f1": simple}}
    notes = baseline_notes(Monitor("f1", mode), {"val": {"f1": 0.7}}, baselines)
    expected = f"val f1 is 0.7000, and {simple:.4f} by TF-IDF: the network adds nothing"
    assert [note[: len(expected)] for note in notes] == [expected] * told


def test_scores_that_simple_models_lack() -> None:
    assert baseline_notes(Monitor("loss", "min"), {"val": {"loss": 1.0}}, {"a": {"val": {}}}) == []
    assert baseline_notes(Monitor("f1", "max"), {"test": {}}, {"a": {"val": {"f1": 1}}}) == []
    assert baseline_notes(Monitor("f1", "max"), {"val": {"f1": 0.5}}, {}) == []
