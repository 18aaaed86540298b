"""However a training ends, its model was validated and is kept."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
from pytorch_lightning.callbacks import EarlyStopping

import seqloom
from seqloom.errors import ConfigError
from seqloom.train.folder import Result, read_metrics
from seqloom.train.limits import of_epochs, planned_epochs, stop_message, total_steps

Fit = Callable[..., Result]


def validated_steps(result: Result) -> list[int]:
    rows = read_metrics(result.run_dir / "metrics.jsonl")
    return [int(row["step"]) + 1 for row in rows if "val/loss" in row]


@pytest.mark.parametrize(
    ("overrides", "steps", "best"),
    [  # four batches an epoch
        (["trainer.max_steps=2"], [2], 1),
        (["trainer.max_steps=6"], [4, 6], None),
        (["trainer.max_steps=2", "trainer.check_val_every_n_epoch=5"], [2], 1),
        (["trainer.max_epochs=1", "trainer.check_val_every_n_epoch=2"], [4], 1),
        (["trainer.limit_train_batches=3", "trainer.max_steps=2"], [2], 1),
        (["trainer.max_epochs=1", "+trainer.val_check_interval=3"], [3, 4], 1),
        (
            ["+trainer.max_time={seconds:1e-6}", "trainer.max_epochs=-1", "scheduler=constant"],
            [1],
            1,
        ),
    ],
    ids=str,
)
def test_the_last_weights_are_validated(
    fit: Fit, overrides: list[str], steps: list[int], best: int | None
) -> None:
    result = fit(*overrides)
    assert validated_steps(result) == steps
    record = json.loads((result.run_dir / "run.json").read_text(encoding="utf-8"))
    assert best is None or record["best_epoch"] == best
    assert set(result.metrics) == {"val", "test"}
    assert seqloom.load(result.bundle)("An apple") is not None


def test_a_training_that_never_validates_keeps_its_last_weights(fit: Fit) -> None:
    result = fit("trainer.limit_val_batches=0", "trainer.max_steps=2")
    assert validated_steps(result) == []
    assert set(result.metrics) == {"val", "test"}


def test_scores_inside_an_epoch_are_those_of_the_weights_that_are_kept(fit: Fit) -> None:
    result = fit("trainer.max_epochs=2", "+trainer.val_check_interval=3", "monitor=val/loss")
    rows = read_metrics(result.run_dir / "metrics.jsonl")
    assert min(row["val/loss"] for row in rows if "val/loss" in row) == pytest.approx(
        result.metrics["val"]["loss"], abs=1e-6
    )


def test_a_run_that_a_limit_ended_inside_an_epoch_continues_to_its_evaluation(
    fit: Fit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def killed(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("seqloom.train.run.evaluate", killed)
        with pytest.raises(KeyboardInterrupt):
            fit("trainer.max_steps=2")
    result = fit("trainer.max_steps=2", "resume=auto")
    assert validated_steps(result) == [2]
    assert result.bundle.exists()


def test_a_run_that_reached_its_limit_continues_to_a_higher_one(fit: Fit) -> None:
    fit("trainer.max_steps=4", "trainer.max_epochs=2", "+trainer.val_check_interval=3")
    result = fit("trainer.max_epochs=2", "+trainer.val_check_interval=3", "resume=auto")
    assert json.loads((result.run_dir / "run.json").read_text("utf-8"))["steps"] == 8


def test_a_schedule_in_steps_needs_their_number(fit: Fit) -> None:
    with pytest.raises(ConfigError, match=r"The schedule needs the number of steps: .*constant"):
        fit("+trainer.max_time=00:00:01:00", "trainer.max_epochs=-1")


def test_early_stopping_tells_when_and_why(fit: Fit, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "seqloom"):
        fit(
            "optimizer.lr=1e-30",
            "callbacks.early_stopping.patience=1",
            "trainer.max_epochs=9",
            "trainer.limit_train_batches=1",
        )
    told = [record.getMessage() for record in caplog.records]
    assert any(one.startswith("Epoch 2 of at most 9: train/loss ") for one in told)
    stopped = "Stopped early after epoch 2: val/f1 has not improved in 1 validation. Best: epoch 1,"
    assert told[-1].startswith(f"{stopped} val/f1 0.")


def test_epochs_are_counted_as_they_will_run(tmp_path: Path) -> None:
    def trainer(*callbacks: pl.Callback, **params: Any) -> pl.Trainer:
        return pl.Trainer(
            logger=False,
            default_root_dir=tmp_path,
            accelerator="cpu",
            callbacks=list(callbacks),
            **params,
        )

    assert of_epochs(trainer(max_epochs=3), 5) == " of 3"
    assert of_epochs(trainer(max_epochs=10, max_steps=6), 5) == " of 2"
    assert of_epochs(trainer(max_epochs=-1, max_steps=5), 5) == " of 1"
    assert of_epochs(trainer(max_epochs=9, max_steps=4, accumulate_grad_batches=2), 5) == " of 2"
    assert of_epochs(trainer(max_epochs=10, max_time={"hours": 1}), 5) == " of at most 10"
    assert of_epochs(trainer(EarlyStopping("x", patience=5), max_epochs=10), 5) == " of at most 10"
    assert of_epochs(trainer(EarlyStopping("x", patience=5), max_epochs=6), 5) == " of 6"
    endless = trainer(EarlyStopping("x"), max_epochs=-1)
    assert of_epochs(endless, 5) == ""
    assert total_steps(endless, 5) is None
    assert planned_epochs(trainer(max_epochs=2), 0) == 2


def test_another_reason_than_patience_is_that_of_lightning() -> None:
    stopper = EarlyStopping("val/loss", patience=3)
    stopper.stopped_epoch = 1
    stopper.stopping_reason_message = (
        "Monitored metric val/loss = nan is not finite. Previous best value was 0.5. Signaling "
        "Trainer to stop."
    )
    assert stop_message([pl.Callback(), stopper], " Best: epoch 1.") == (
        "Stopped early after epoch 2: Monitored metric val/loss = nan is not finite. Previous best "
        "value was 0.5. Best: epoch 1."
    )
    assert stop_message([EarlyStopping("val/loss")], "") == ""
