"""Lightning's training loops, with moments at which a checkpoint may be written and resumed from.

Lightning offers its hooks in the middle of a step: the step's metrics are not logged yet, its
counters are not complete, and a run that is resumed there skips a validation or counts a step
twice. These loops call three hooks of their own, on every rank, of each callback that has them:

- ``on_step_end(trainer)`` after an optimizer step, once its metrics are logged. Validation and the
  end of the epoch, if they are due, come later, also in a run that is resumed from here.
- ``on_epoch_complete(trainer)`` after everything that belongs to an epoch.
- ``on_resume(trainer)`` first, in a run that is resumed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.loops.fetchers import _DataFetcher
from pytorch_lightning.loops.fit_loop import _FitLoop
from pytorch_lightning.loops.loop import _Loop
from pytorch_lightning.loops.training_epoch_loop import _TrainingEpochLoop
from pytorch_lightning.trainer import call


class Moment(StrEnum):
    """When a checkpoint was written."""

    STEP = "step"
    """After an optimizer step, before the validation that may follow it."""
    CUT = "cut"
    """After everything, in an epoch that a limit or a callback has ended before its last batch."""
    EPOCH = "epoch"
    """After a complete epoch."""


KEY = "moment"
"""The key of the moment in the state of the loop over an epoch."""


def install_loops(trainer: pl.Trainer) -> None:
    """Replace the training loops of a trainer, which has not started, by those of this module."""
    old = trainer.fit_loop
    loop = FitLoop(trainer, min_epochs=old.min_epochs, max_epochs=old.max_epochs)
    loop.epoch_loop = EpochLoop(trainer, min_steps=old.min_steps, max_steps=old.max_steps)
    trainer.fit_loop = loop


@contextmanager
def at_step_end(trainer: pl.Trainer) -> Iterator[None]:
    """Let checkpoints of this block continue before the validation that is running."""
    loop: Any = trainer.fit_loop.epoch_loop
    loop.moment = Moment.STEP
    try:
        yield
    finally:
        loop.moment = None


def position(trainer: pl.Trainer) -> tuple[int, int]:
    """Return the number of complete epochs, and of batches used in the current one."""
    loop: Any = trainer.fit_loop
    epochs: int = loop.epoch_progress.current.processed
    moment = getattr(loop.epoch_loop, "moment", None)
    if moment is Moment.EPOCH:
        return epochs, 0
    used: int = loop.epoch_loop.batch_progress.current.ready
    return epochs - (moment is Moment.CUT), used


class EpochLoop(_TrainingEpochLoop):
    """Lightning's loop over the batches of an epoch.

    Attributes:
        moment: Moment whose hooks are called now, or from which the run is resumed.
    """

    moment: Moment | None = None
    _loaded = False

    @property
    def is_step_open(self) -> bool:
        """Whether the run is resumed after a step whose validation may still be due."""
        return self._loaded and self.moment is Moment.STEP

    @property
    def done(self) -> bool:
        """Whether to leave the loop."""
        return not self.is_step_open and bool(super().done)

    def reset(self) -> None:
        """Reset the counters, unless they are those of complete steps in this epoch."""
        if self._loaded and self.moment in {Moment.STEP, Moment.CUT}:
            self.restarting = False
        else:
            self._loaded, self.moment = False, None
            super().reset()

    def advance(self, data_fetcher: _DataFetcher) -> None:
        """Train on a batch, unless the run is resumed after that."""
        resumed, self._loaded = self.is_step_open, False
        if resumed:  # this may ask for a validation after the last step
            call._call_lightning_module_hook(self.trainer, "on_train_batch_end", None, None, 0)
            return
        super().advance(data_fetcher)
        if not self._should_accumulate():
            self._call("on_step_end", Moment.STEP)

    def _call(self, hook: str, moment: Moment) -> None:
        self.moment = moment
        call_hook(self.trainer, hook)
        self.moment = None

    def on_advance_end(self, data_fetcher: _DataFetcher) -> None:
        """Validate if that is due."""
        self.moment = None
        super().on_advance_end(data_fetcher)

    def on_save_checkpoint(self) -> dict[str, Any]:
        """Return the loop's own state, with the moment."""
        moment = None if self.moment is None else str(self.moment)
        return {**super().on_save_checkpoint(), KEY: moment}

    def on_load_checkpoint(self, state_dict: dict[str, Any]) -> None:
        """Restore it."""
        super().on_load_checkpoint(state_dict)
        moment = state_dict.get(KEY)
        self._loaded, self.moment = moment is not None, moment and Moment(moment)


class FitLoop(_FitLoop):
    """Lightning's loop over the epochs."""

    epoch_loop: EpochLoop

    @property
    def restarting(self) -> bool:
        """Whether the run is resumed inside an epoch."""
        return self._restarting

    @restarting.setter
    def restarting(self, restarting: bool) -> None:
        # With max_steps, Lightning takes a complete epoch for one that is to be continued.
        current: Any = self.epoch_progress.current
        unfinished = {current.ready, current.started} != {current.processed}
        _Loop.restarting.fset(self, restarting and unfinished)  # type: ignore[attr-defined]

    @property
    def done(self) -> bool:
        """Whether to leave the loop; not before a step is complete."""
        return not self.epoch_loop.is_step_open and bool(super().done)

    def on_advance_start(self) -> None:
        """Start an epoch, or continue the one in which the run is resumed."""
        if self.is_resuming:
            call_hook(self.trainer, "on_resume")
        super().on_advance_start()

    def on_advance_end(self) -> None:
        """End an epoch."""
        # Lightning would leave out schedules that wait for a metric in a resumed epoch.
        self._restarting = False
        super().on_advance_end()
        whole = self.epoch_loop.batch_progress.is_last_batch
        self.epoch_loop._call("on_epoch_complete", Moment.EPOCH if whole else Moment.CUT)

    def state_dict(
        self, destination: dict[str, Any] | None = None, prefix: str = ""
    ) -> dict[str, Any]:
        """Return the counters; an epoch that was cut is stored as one that has not ended."""
        found: dict[str, Any] = super().state_dict(destination, prefix)
        if self.epoch_loop.moment is Moment.CUT:
            reopen(found[f"{prefix}epoch_progress"])
        return found


def reopen(progress: dict[str, Any]) -> None:
    """Change the stored counters of epochs to those inside the last one."""
    for counters in (progress["total"], progress["current"]):
        counters["processed"] = counters["completed"] = counters["started"] - 1


def set_batches(state: Mapping[str, Any], batches: int) -> None:
    """Change the stored number of batches in the current epoch, for another number of ranks."""
    counters = state["loops"]["fit_loop"]["epoch_loop.batch_progress"]["current"]
    counters.update(dict.fromkeys(("ready", "started", "processed", "completed"), batches))


def restart_epoch(state: Mapping[str, Any]) -> None:
    """Change a stored state inside an epoch to one at its start, with the same weights."""
    set_batches(state, 0)
    own = state["loops"]["fit_loop"]["epoch_loop.state_dict"]
    own["_batches_that_stepped"] += own[KEY] == Moment.STEP
    own[KEY] = str(Moment.CUT)


def call_hook(trainer: pl.Trainer, hook: str) -> None:
    """Call a hook of these loops of each callback that has it."""
    for callback in list(trainer.callbacks):  # type: ignore[attr-defined]
        if hasattr(callback, hook):
            getattr(callback, hook)(trainer)


def migrate_0_1(state: Mapping[str, Any]) -> None:
    """Change the content of a checkpoint of seqloom 0.1 that was cut inside an epoch.

    It was stored as a complete epoch.
    """
    loops = state["loops"]["fit_loop"]
    own, progress = loops["epoch_loop.state_dict"], loops["epoch_progress"]
    batches = loops["epoch_loop.batch_progress"]
    complete = progress["current"]["processed"] == progress["current"]["started"]
    if KEY not in own and complete and not batches["is_last_batch"]:
        own[KEY] = str(Moment.CUT)
        reopen(progress)
