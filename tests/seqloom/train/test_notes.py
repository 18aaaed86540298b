"""What a run's user is told of its training."""

from __future__ import annotations

from typing import Any

import pytest

from seqloom.train.monitor import Monitor
from seqloom.train.notes import run_notes


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
        ([0.5, 0.4, 0.4], None, "Early stopping had no chance: its patience is 5 validations"),
        ([0.3, None, 0.2] * 3, None, ""),
        (
            [0.5, 0.7, 0.6, 0.6, 0.6, 0.6],
            [1.0, 0.4, 0.3, 0.35, 0.4, 0.5],
            "val loss rose from 0.3000 in epoch 3 to 0.5000 in epoch 6: the model overfits",
        ),
        ([0.5, 0.7, 0.6, 0.6, 0.6, 0.6], [1.0, 0.4, 0.3, 0.3, 0.3, 0.35], ""),
        ([0.5], [1.0], ""),
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
