"""Callbacks of every run: a log line after each epoch, and the time spent."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytorch_lightning as pl

from seqloom.train.limits import of_epochs
from seqloom.train.ranks.distributed import is_first

log = logging.getLogger("seqloom")


class EpochLines(pl.Callback):
    """Logs a line after each epoch, on the first rank: epoch, losses, monitored metric.

    An epoch without a validation has no values of the validation split.

    Args:
        key: Name under which the monitored metric is logged: ``val/f1``.

    Attributes:
        of: Number of epochs in words, such as `` of 10``; None: from the trainer's limits.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        self.of: str | None = None
        self.start = 0.0
        self._validated = False

    def state_dict(self) -> dict[str, Any]:
        """Return whether the current epoch had a validation."""
        return {"validated": self._validated}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore it, for an epoch in which the run is resumed."""
        self._validated = state_dict["validated"]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock, for an epoch in which the run is resumed."""
        self.start = time.perf_counter()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock, and forget the validations of the epochs before."""
        self.start = time.perf_counter()
        self._validated = False

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Note that the metrics are of this epoch."""
        self._validated = not trainer.sanity_checking

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log one line; the training loss is the mean over the epoch."""
        values = {
            name: float(value)
            for name, value in trainer.callback_metrics.items()
            if self._validated or not name.startswith("val/")  # Lightning keeps the last ones
        }
        mean_loss = getattr(pl_module, "mean_loss", None)
        if mean_loss is not None:
            values["train/loss"] = mean_loss()  # on every rank
        if not is_first():
            return
        names = dict.fromkeys(("train/loss", "val/loss", self.key))
        shown = ", ".join(f"{name} {values[name]:.4f}" for name in names if name in values)
        epoch, seconds = trainer.current_epoch + 1, time.perf_counter() - self.start
        of = of_epochs(trainer, int(trainer.num_training_batches)) if self.of is None else self.of
        log.info("Epoch %d%s: %s (%.0f s)", epoch, of, shown, seconds)


class TrainingTime(pl.Callback):
    """Measures the time and the data that went into a model, over all attempts of its run.

    The seconds are wall-clock time from the start of the fit to the end of its last epoch, with
    validation and checkpoints; those lost since the last checkpoint do not count.

    Attributes:
        seconds: Seconds up to the last checkpoint or the end of the last epoch.
        passes: Number of passes over the training data, whole and in part.
        batches: Number of batches in one rank's pass; set before the fit.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.passes = 0.0
        self.batches = 1
        self._since: float | None = None

    def state_dict(self) -> dict[str, Any]:
        """Return the seconds and the passes, which do not depend on the number of ranks."""
        self._read_clock()
        return {"seconds": self.seconds, "passes": self.passes}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue counting from the stored values."""
        self.seconds, self.passes = state_dict["seconds"], state_dict["passes"]

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        self._since = time.perf_counter()

    def on_train_batch_end(self, *args: Any) -> None:
        """Count a batch."""
        self.passes += 1 / self.batches

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Read the clock."""
        self._read_clock()

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop the clock."""
        self._since = None

    def _read_clock(self) -> None:
        if self._since is not None:
            now = time.perf_counter()
            self.seconds += now - self._since
            self._since = now
