"""What a step logs and shows, although most steps log nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl

from seqloom.train.folder import Result, read_metrics
from seqloom.train.limits import callbacks_of
from seqloom.train.module import SequenceModule
from seqloom.train.overhead import Bar, skip_idle_hooks

Fit = Callable[..., Result]
Parts = Callable[..., str]


class Seen(pl.Callback):
    """Keeps the loss of each batch, and what callbacks were told of it."""

    found: list[Any]

    def on_train_batch_end(self, trainer: pl.Trainer, module: Any, *rest: Any) -> None:
        """Keep the loss."""
        self.found.append((float(module.newest_loss), trainer.callback_metrics.get("train/loss")))

    def on_train_epoch_end(self, trainer: pl.Trainer, module: Any) -> None:
        """Require the loss of the epoch's last batch."""
        assert float(trainer.callback_metrics["train/loss"]) == self.found[-1][0]


@pytest.fixture
def seen(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Any], str]:
    """Return a list that gets the losses, and the override that lets it."""
    monkeypatch.setattr(Seen, "found", [], raising=False)
    return Seen.found, f"+callbacks.seen._target_={parts(Seen)}"


def test_logged_losses_are_those_of_their_steps_up_to_the_last(
    fit: Fit, seen: tuple[list[Any], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    losses, watcher = seen
    logged: list[str] = []
    log = SequenceModule.log

    def counted(self: SequenceModule, name: str, *args: Any, **params: Any) -> None:
        logged.append(name)
        log(self, name, *args, **params)

    monkeypatch.setattr(SequenceModule, "log", counted)
    result = fit("trainer.log_every_n_steps=3", "trainer.max_steps=7", watcher)
    rows = read_metrics(result.run_dir / "metrics.jsonl")
    written = {row["step"]: row["train/loss"] for row in rows if "train/loss" in row}
    assert len(losses) == 7
    assert written == {step: losses[step][0] for step in (2, 5, 6)}
    assert logged.count("train/loss") == 4  # and at the end of the first epoch


def test_a_monitor_and_the_bar_have_the_loss_of_each_step(
    fit: Fit, seen: tuple[list[Any], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[float] = []
    show = Bar.get_metrics

    def kept(self: Bar, *args: Any) -> dict[str, Any]:
        found = show(self, *args)
        drawn.append(found["train/loss"])
        return found

    monkeypatch.setattr(Bar, "get_metrics", kept)
    monkeypatch.setattr("seqloom.train.overhead.INTERVAL", 1000.0)
    losses, watcher = seen
    monitor = "callbacks.early_stopping.monitor=train/loss"
    fit("+trainer.enable_progress_bar=true", "trainer.max_epochs=1", monitor, watcher)
    assert [float(told) for _, told in losses] == [loss for loss, _ in losses]
    assert drawn[:2] == [losses[0][0], losses[3][0]]  # the first and the last of an epoch


def test_hooks_that_a_callback_has_are_kept(tmp_path: Path) -> None:
    seen, plain = Seen(), pl.Callback()
    trainer = pl.Trainer(callbacks=[seen, plain], logger=False, default_root_dir=tmp_path)
    skip_idle_hooks(callbacks_of(trainer))
    assert seen.on_train_batch_end.__func__ is Seen.on_train_batch_end  # type: ignore[attr-defined]
    assert {plain.on_train_batch_end, seen.on_before_backward} == {None}
    plain.on_train_epoch_end(trainer, pl.LightningModule())
