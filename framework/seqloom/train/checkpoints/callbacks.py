"""The checkpoints of a run: the last one to resume from, the best one to keep, and what they hold.

Lightning stores a callback's state under the name of its class, so these names are part of the
format of a run's folder.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint, ModelCheckpoint, Timer
from torch import Tensor

from seqloom.config.interval import Interval
from seqloom.config.run_config import RunConfig
from seqloom.errors import RunError
from seqloom.model.compatibility import messages
from seqloom.model.provenance import compare, record
from seqloom.train.checkpoints.writer import writer_of
from seqloom.train.folder import RunFolder
from seqloom.train.limits import callbacks_of
from seqloom.train.loops import at_step_end
from seqloom.train.ranks.distributed import barrier, from_first
from seqloom.train.settings import fixed_settings

log = logging.getLogger("seqloom")

COMPONENTS_KEY = "seqloom"
"""The key of a checkpoint under which its components are recorded."""

SETTINGS_KEY = "settings"
"""The key below it with the settings that a run keeps when it is resumed."""


class BestCheckpoint(ModelCheckpoint):
    """Keeps the best checkpoint; of two with equal metrics, that with the smaller validation loss.

    A run can be resumed where its folder was moved to.

    Attributes:
        best_loss: Validation loss of the best checkpoint.
        best_epoch: Its epoch, counted from 1; None as long as there is none.
        best_step: Number of optimizer steps before it; None as long as there is none.
    """

    best_loss = math.inf
    best_epoch: int | None = None
    best_step: int | None = None

    def check_monitor_top_k(self, trainer: pl.Trainer, current: Tensor | None = None) -> bool:
        """Return whether to keep this epoch's model, as the first rank decides."""
        loss = float(trainer.callback_metrics.get("val/loss", math.inf))
        # Other kinds of devices may round differently, and ranks that disagree would wait forever.
        loss, score = from_first((loss, None if current is None else float(current)))
        current = None if current is None else current.new_tensor(score)
        equal = current is not None and bool(current == self.best_model_score)
        better = loss < self.best_loss if equal else super().check_monitor_top_k(trainer, current)
        if better:
            self.best_loss, self.best_epoch = loss, trainer.current_epoch + 1
        return better

    def _save_checkpoint(self, trainer: pl.Trainer, filepath: str) -> None:
        self.best_step = trainer.global_step
        super()._save_checkpoint(trainer, filepath)

    def state_dict(self) -> dict[str, Any]:
        """Return the state."""
        return {
            **super().state_dict(),
            "best_loss": self.best_loss,
            "best_epoch": self.best_epoch,
            "best_step": self.best_step,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state, with stored paths replaced by those of the current folder."""
        self.best_loss = state_dict.get("best_loss", math.inf)
        self.best_epoch = state_dict.get("best_epoch")
        self.best_step = state_dict.get("best_step")
        moved = {
            **state_dict,
            "dirpath": self.dirpath,
            **{key: self._here(state_dict[key]) for key in state_dict if key.endswith("_path")},
            "best_k_models": {
                self._here(path): score for path, score in state_dict["best_k_models"].items()
            },
        }
        super().load_state_dict(moved)

    def _here(self, path: str) -> str:
        return str(Path(self.dirpath or "") / Path(path).name) if path else path


class LastCheckpoint(Checkpoint):
    """Writes a checkpoint after every epoch, and at the end of any step, from which a run resumes.

    Of the callbacks, only `CopyFolder` comes after it, so that it stores what the others know. The
    loops of `seqloom.train.loops` call ``on_step_end`` and ``on_epoch_complete``, which Lightning
    does not know.

    Args:
        path: File of the checkpoint.
        every: Interval between two checkpoints inside an epoch; None: there are none.
    """

    def __init__(self, path: Path, every: Interval | None = None) -> None:
        self.path = path
        self.saving = Saving(every) if every else None
        self.should_stop = False
        self._in_validation = False

    def state_dict(self) -> dict[str, Any]:
        """Return whether the run was to stop early; Lightning itself does not store that."""
        return {"should_stop": self.should_stop}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state."""
        self.should_stop = state_dict["should_stop"]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop at once if the run was to stop before it was interrupted."""
        trainer.should_stop = trainer.should_stop or self.should_stop
        if self.saving:
            self.saving.start(trainer.global_step)

    def on_step_end(self, trainer: pl.Trainer) -> None:
        """Write a checkpoint if one is due; raise the error of one that could not be written."""
        if writer := writer_of(trainer):
            writer.check()
        if self.saving and self.saving.is_due(trainer.global_step):
            self.save(trainer)

    def on_epoch_complete(self, trainer: pl.Trainer) -> None:
        """Write the checkpoint of an epoch."""
        self.save(trainer)

    def save(self, trainer: pl.Trainer, *, wait: bool = False) -> None:
        """Write a checkpoint; every rank must call it.

        It may be called in ``on_step_end`` and ``on_epoch_complete``, and after a batch of a
        validation: then the run is resumed before this validation.

        Args:
            trainer: Trainer.
            wait: Whether to wait until it is on the disk; otherwise a thread writes it.

        Raises:
            RunError: It cannot be written; without ``wait``, a later call raises that.
        """
        # With a higher limit, a run that reached its limit is to continue.
        self.should_stop = trainer.should_stop and not _limit_reached(trainer)
        self._in_validation = bool(trainer.validating)
        if self._in_validation and trainer.fit_loop._should_accumulate():
            return  # no optimizer step has just ended
        with at_step_end(trainer) if self._in_validation else nullcontext():
            trainer.save_checkpoint(self.path)
        self._in_validation = False
        if wait:
            if writer := writer_of(trainer):
                writer.wait()
            barrier()

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Name the epoch that was trained last, also after its end, and order average weights.

        During a validation the average weights are those of the model.
        """
        checkpoint["epoch"] = trainer.fit_loop.epoch_progress.current.ready - 1
        if self._in_validation and "averaging_state" in checkpoint:
            one, other = "state_dict", "current_model_state"
            checkpoint[one], checkpoint[other] = checkpoint[other], checkpoint[one]


class Saving:
    """Says after which steps a checkpoint is due.

    Where the interval is one of time, the clock of the first rank counts. The ranks do not ask it
    after every step, but again after half of the steps that it expects to be left.

    Args:
        every: Interval.
    """

    def __init__(self, every: Interval) -> None:
        self.every = every
        self._last_step = self._next_step = 0
        self._since = time.monotonic()

    def start(self, step: int) -> None:
        """Start to count, after a number of steps."""
        self._last_step, self._next_step = step, step + 1
        self._since = time.monotonic()

    def is_due(self, step: int) -> bool:
        """Return whether a checkpoint is due after this step; every rank must ask."""
        if self.every.steps is not None:
            return step % self.every.steps == 0
        if step < self._next_step:
            return False
        left = from_first(self._steps_left(step))
        if left == 0:
            self.start(step)
        else:
            self._next_step = step + max(1, left // 2)
        return left == 0

    def _steps_left(self, step: int) -> int:
        """Return how many steps are left of the time, at the speed since the last checkpoint."""
        passed, seconds = time.monotonic() - self._since, self.every.seconds or 0
        if passed >= seconds:
            return 0
        speed = max(1, step - self._last_step) / max(passed, 1e-9)
        return max(1, int((seconds - passed) * speed))


def _limit_reached(trainer: pl.Trainer) -> bool:
    """Return whether ``max_steps``, ``max_epochs`` or ``max_time`` ends the training."""
    if getattr(trainer.lightning_module, "limit_reached", False):
        return True
    timers = [one for one in callbacks_of(trainer) if isinstance(one, Timer)]
    return any((one.time_remaining() or 1) <= 0 for one in timers)


class ComponentRecord(pl.Callback):
    """Records in each checkpoint the components with their plugins and versions, and the settings.

    By the settings, a checkpoint of another run is known.
    """

    def __init__(self, config: RunConfig) -> None:
        self.record = {**record(config.components), SETTINGS_KEY: fixed_settings(config)}

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add the record, in plain types."""
        checkpoint[COMPONENTS_KEY] = self.record


@contextmanager
def explain_component_changes(folder: RunFolder, config: RunConfig) -> Iterator[None]:
    """Add to the error of a run that cannot be resumed how its components have changed.

    Raises:
        RunError: The error of the block, with that at its end.
    """
    try:
        yield
    except RunError as error:
        resume = config.resume == "auto"
        changes = component_changes(folder.read_record()) if resume else []
        if not changes:
            raise
        raise RunError(" ".join([str(error), *changes])) from error


def component_changes(recorded: Mapping[str, Any]) -> list[str]:
    """Return sentences on recorded ``components`` that differ from the installed ones."""
    return messages(compare(recorded.get("components", {})))
