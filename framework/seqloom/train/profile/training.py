"""The steps of a training, on the path of a run: its loader, its module, Lightning's loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from pytorch_lightning.callbacks import Checkpoint, EarlyStopping
from pytorch_lightning.profilers import Profiler

from seqloom.config.run_config import RunConfig, Section
from seqloom.model.pipeline import Pipeline
from seqloom.train.data import RunData
from seqloom.train.folder import RunFolder
from seqloom.train.limits import callbacks_of
from seqloom.train.profile.hooks import Hooks
from seqloom.train.profile.machine import Memory
from seqloom.train.profile.stopwatch import REST, Label, Stopwatch, clock_of
from seqloom.train.training import Training

DATA = Label("waiting for data")
TRANSFER = Label("moving data to the device")
CLIPPING = Label("clipping")
OPTIMIZER = Label("optimizer")
LOGGING = Label("logging and callbacks")

WARM_UP = 10
"""Steps before those that are measured: memory is allocated, libraries choose their kernels."""

LONGEST = 60.0
"""Seconds after which no more steps are measured, if there are `FEWEST`."""

FEWEST = 5

DROPPED = ("fast_dev_run", "max_time", "min_epochs", "min_steps", "profiler", "overfit_batches")
"""Arguments of Lightning's Trainer that would end the steps sooner, or later."""


class Profiled:
    """A training of a few steps.

    Args:
        cfg: Config of a run.
        folder: Folder for its files, which is of no further use.
        data: Its data.
        pipeline: Its pipeline; the weights change.
        steps: Number of batches to measure.

    Attributes:
        stopwatch: Stopwatch with the parts of the steps; on the device of the training.
        hooks: Hooks on the pipeline, with what they have seen.
        peak: Bytes of the highest memory in these steps; None where the system does not tell.
    """

    def __init__(
        self, cfg: RunConfig, folder: Path, data: RunData, pipeline: Pipeline, steps: int
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.steps = steps
        self.peak: int | None = None
        cfg = alone(cfg, steps)
        self.training = Training(cfg, RunFolder(folder), data, pipeline, LightningEnvironment())
        trainer = self.trainer = self.training.trainer
        self.stopwatch = Stopwatch(clock_of(trainer.strategy.root_device))
        self.hooks = Hooks(pipeline, self.stopwatch)
        kept = [one for one in callbacks_of(trainer) if not isinstance(one, ENDING)]
        trainer.callbacks = [*kept, _Start(self)]  # type: ignore[attr-defined]
        trainer.profiler = _Parts(self.stopwatch, self.hooks)  # type: ignore[attr-defined]

    def run(self) -> None:
        """Take the steps."""
        with self.hooks.attached():
            self.training.fit()

    def start(self, module: pl.LightningModule) -> None:
        """Watch the loop over the batches, which is about to start."""
        watch, loop, trainer = self.stopwatch, self.trainer.fit_loop.epoch_loop, self.trainer
        counter = _Counter(self)
        loop.advance = counter.beginning(loop.advance)  # type: ignore[method-assign]
        loop.on_advance_end = counter.ending(loop.on_advance_end)  # type: ignore[method-assign]
        module.log = watch.timed(module.log, LOGGING)  # type: ignore[method-assign]
        connector = trainer._logger_connector
        for name in ("update_train_step_metrics", "on_batch_end"):
            setattr(connector, name, watch.timed(getattr(connector, name), LOGGING))


ENDING = (Checkpoint, EarlyStopping)
"""Callbacks that only act where an epoch ends."""


def alone(cfg: RunConfig, steps: int) -> RunConfig:
    """Return the config of a training of some batches, on one device and without validation."""
    own: Section = {name: one for name, one in cfg.trainer.items() if name not in DROPPED}
    own |= {"devices": 1, "num_nodes": 1, "strategy": "auto", "enable_progress_bar": False}
    own |= {"max_epochs": -1, "limit_train_batches": 1.0, "limit_val_batches": 0}
    batches = steps + WARM_UP
    own["max_steps"] = -(-batches // own.get("accumulate_grad_batches", 1))
    return replace(cfg, trainer=own, logger=None, save_every=None, copy_to=None, hang_timeout=None)


class _Counter:
    """Lets the stopwatch run from the beginning to the end of each batch after the first ones."""

    def __init__(self, profiled: Profiled) -> None:
        self.profiled = profiled
        self.batches = 0
        self.started = 0.0
        self.memory: Memory | None = None

    def beginning(self, advance: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function that trains on a batch."""

        def call(*args: Any) -> None:
            self.batches += 1
            if self.batches > WARM_UP:
                if self.memory is None:
                    self.memory = Memory(self.profiled.trainer.strategy.root_device)
                    self.started = time.monotonic()
                self.profiled.stopwatch.begin()
            advance(*args)

        return call

    def ending(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function that follows it."""

        def call(*args: Any) -> None:
            function(*args)
            profiled = self.profiled
            if self.memory is None:
                return
            profiled.stopwatch.end()
            profiled.peak = self.memory.peak()
            late = time.monotonic() - self.started > LONGEST
            if late and profiled.stopwatch.steps >= FEWEST:
                profiled.trainer.should_stop = True

        return call


class _Start(pl.Callback):
    """Watches the loop once Lightning has prepared it."""

    def __init__(self, profiled: Profiled) -> None:
        self.profiled = profiled

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Watch the loop."""
        self.profiled.start(pl_module)


class _Parts(Profiler):
    """Translates the actions that Lightning tells its profiler into parts of a step."""

    def __init__(self, stopwatch: Stopwatch, hooks: Hooks) -> None:
        super().__init__()
        self.stopwatch, self.hooks = stopwatch, hooks
        self._open: list[ExitStack] = []

    def start(self, action_name: str) -> None:
        """Begin an action."""
        stack = ExitStack()
        if action_name.startswith("[Strategy]") and action_name.endswith(".backward"):
            stack.enter_context(self.hooks.backward())
        else:
            stack.enter_context(self.stopwatch.part(label_of(action_name)))
        self._open.append(stack)

    def stop(self, action_name: str) -> None:
        """End it."""
        if self._open:
            self._open.pop().close()
        if action_name.endswith(".configure_gradient_clipping"):
            self.stopwatch.switch(OPTIMIZER)  # the rest of the hook that takes the step


def label_of(action: str) -> Label:
    """Return the part that an action of Lightning belongs to.

    >>> label_of("[EpochLoop].train_dataloader_next").part
    'waiting for data'
    >>> label_of("[Callback]EpochLines.on_train_batch_end").part
    'logging and callbacks'
    """
    name = action.rpartition(".")[2]
    if action.startswith("[Callback]"):
        return LOGGING
    known = {
        "train_dataloader_next": DATA,
        "batch_to_device": TRANSFER,
        "transfer_batch_to_device": TRANSFER,
        "optimizer_zero_grad": OPTIMIZER,
        "configure_gradient_clipping": CLIPPING,
    }
    return known.get(name, REST)
