"""Callbacks of every run: the metrics file, a log line after each epoch, and the time spent."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.loggers.logger import Logger

from seqloom.files import cannot_write, finite, sha256, write_text
from seqloom.train.folder import SHOWN
from seqloom.train.limits import of_epochs
from seqloom.train.ranks.distributed import is_first

log = logging.getLogger("seqloom")

MAY_BE_WRONG = "the curves and the report of the run may show wrong values."


class JsonLines(Logger):
    """Writes a line of JSON for each logged step, on the first rank.

    Args:
        path: File to append to; `seqloom.train.folder.read_metrics` reads it.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self._written = hashlib.sha256()

    @property
    def name(self) -> str:
        """Name for Lightning."""
        return "metrics"

    @property
    def version(self) -> str:
        """Version for Lightning."""
        return ""

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kw: Any) -> None:
        """Do nothing: the run's config.yaml has them."""

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Append a line."""
        if not is_first():
            return
        row = {"step": step, **{name: float(value) for name, value in metrics.items()}}
        line = json.dumps(finite(row)) + "\n"
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            raise cannot_write(self.path, error) from error
        self._written.update(line.encode("ascii"))

    def digest(self) -> str:
        """Return the SHA-256 of the lines that were written, whatever the file has become."""
        return self._written.hexdigest()

    def warn_if_changed(self) -> None:
        """Warn if the file is not what was written, on the first rank."""
        if is_first() and self.path.exists() and sha256(self.path) != self.digest():
            log.warning("%s was changed by another program: %s", self.path, MAY_BE_WRONG)

    def size(self) -> int:
        """Return the size of the file in bytes."""
        return self.path.stat().st_size if self.path.exists() else 0

    def forget_after(
        self, step: int, size: int | None = None, digest: str | None = None
    ) -> list[dict[str, Any]]:
        """Remove the lines that a resumed run will write again, and those that are damaged.

        Args:
            step: Number of steps before the checkpoint.
            size: Size of the file when the checkpoint was written; None: not known.
            digest: `digest` at that time; None: not known.

        Returns:
            The lines that were removed and are not damaged.
        """
        if not is_first():
            return []
        content = self.path.read_bytes() if self.path.exists() else b""
        if size is not None and size > len(content):
            log.warning(
                "%s has lost lines since the checkpoint was written: the report and the curves of "
                "the run lack them.",
                self.path,
            )
        elif digest is not None and hashlib.sha256(content[:size]).hexdigest() != digest:
            text = "%s was changed since the checkpoint was written: %s"
            log.warning(text, self.path, MAY_BE_WRONG)
        if not content:
            return []
        whole = size is not None and size <= len(content)
        rows = [_row(line) for line in content[:size].splitlines()]
        if whole and None not in rows:
            later = [_row(line) for line in content[size:].splitlines()]
        else:
            every = [_row(line) for line in content.splitlines()]
            self._name_damaged(every, content)
            rows = [row for row in every if row is not None and _step(row) < step]
            later = [row for row in every if row is not None and _step(row) >= step]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        write_text(self.path, text)
        self._written = hashlib.sha256(text.encode("ascii"))
        return [row for row in later if row is not None]

    def _name_damaged(self, rows: Sequence[Any], content: bytes) -> None:
        """Warn of damaged lines; an incomplete last one is only due to the end of its process."""
        last = len(rows) - (not content.endswith(b"\n"))
        bad = [str(number) for number, row in enumerate(rows[:last], 1) if row is None]
        if bad:
            shown = ", ".join(bad[:SHOWN]) + (f" and {len(bad) - SHOWN} more" * (len(bad) > SHOWN))
            log.warning("%s is damaged: line %s cannot be read and is left out.", self.path, shown)


class EpochLines(pl.Callback):
    """Logs a line after each epoch, on the first rank: epoch, losses, monitored metric.

    An epoch without a validation has no values of the validation split.

    Args:
        monitor: Monitored metric with its split.

    Attributes:
        of: Number of epochs in words, such as `` of 10``; None: from the trainer's limits.
    """

    def __init__(self, monitor: str) -> None:
        self.monitor = monitor
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
        names = dict.fromkeys(("train/loss", "val/loss", self.monitor))
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
        batches: Number of batches in one rank's pass.
    """

    def __init__(self, batches: int = 1) -> None:
        self.seconds = 0.0
        self.passes = 0.0
        self.batches = batches
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
        """Read the clock; the callbacks that write checkpoints come later."""
        self._read_clock()

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop the clock."""
        self._since = None

    def _read_clock(self) -> None:
        if self._since is not None:
            now = time.perf_counter()
            self.seconds += now - self._since
            self._since = now


def _row(line: bytes) -> dict[str, Any] | None:
    """Return the content of a line; None if it is damaged."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _step(row: Mapping[str, Any]) -> float:
    """Return the step of a row; infinity if it has none."""
    step = row.get("step")
    return step if isinstance(step, int | float) else math.inf
