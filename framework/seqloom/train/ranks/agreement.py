"""End a training that was asked to end, on all ranks at the same step, after a checkpoint."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.trainer.connectors.signal_connector import _SignalConnector
from torch import distributed

from seqloom.train import interrupt, preemption
from seqloom.train.preemption import Preempted
from seqloom.train.ranks.distributed import is_first, world_size

log = logging.getLogger("seqloom")

INTERVAL = 0.2
"""Seconds that ranks train before they ask one another again."""

MAX_STEPS = 1000
"""Maximum number of steps between two questions, if steps are very short."""


class Agreement(pl.Callback):
    """Leaves a training after a step, or a batch of validation, once a signal or Ctrl-C came.

    Ranks do not notice a signal at the same step, and the first that left would let the others
    wait. So they ask one another, by a reduction on the CPU, every few steps: as many as the
    slowest rank takes in `INTERVAL`.

    Args:
        save: Function that writes a checkpoint from which the training continues after this step;
            None: it continues from the checkpoint of the last epoch.
    """

    def __init__(self, save: Callable[[pl.Trainer], None] | None = None) -> None:
        self.save = save
        self._group: Any = None
        self._waiting = 0  # calls until the next question
        self._calls = 1
        self._since = time.monotonic()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave before the first step; there is nothing to save."""
        if world_size() > 1 and distributed.get_backend() != "gloo":
            # A GPU's group would make the CPU wait for the GPU.
            self._group = distributed.new_group(backend="gloo")
        self._since = time.monotonic()
        if self._agreed():
            _stop()

    def on_step_end(self, trainer: pl.Trainer) -> None:
        """Leave after an optimizer step."""
        if self._due() and self._agreed():
            self._leave(trainer)

    def on_validation_batch_end(self, trainer: pl.Trainer, *rest: Any) -> None:
        """Leave a validation, which is repeated from its start."""
        if trainer.sanity_checking or not self._due():
            return
        if self._agreed():
            self._leave(trainer)

    def _due(self) -> bool:
        """Return whether ranks ask one another now; the same on all ranks."""
        self._waiting -= 1
        return world_size() == 1 or self._waiting <= 0

    def _agreed(self) -> bool:
        """Return whether any rank was asked to end."""
        asked = preemption.requested() is not None or interrupt.asked()
        if world_size() == 1:
            return asked
        now = time.monotonic()
        facts = torch.tensor([float(asked), (now - self._since) / self._calls])
        distributed.all_reduce(facts, distributed.ReduceOp.MAX, self._group)
        asked, seconds = bool(facts[0]), float(facts[1])
        # The first question comes before any step, so it does not tell how long one takes.
        most = min(MAX_STEPS, 2 * self._calls)
        self._calls = self._waiting = max(1, min(most, int(INTERVAL / max(seconds, 1e-6))))
        self._since = time.monotonic()
        return asked

    def _leave(self, trainer: pl.Trainer) -> None:
        if self.save is not None:
            self.save(trainer)
        if is_first():
            log.info("The training stops after step %d.", trainer.global_step)
        _stop()


def _stop() -> None:
    if interrupt.asked() and preemption.requested() is None:
        raise KeyboardInterrupt
    raise Preempted(_reason())


def _reason() -> str:
    return preemption.reason() or "a signal to another rank"


class _NoSignals(_SignalConnector):
    """Lightning's handling of signals, which does nothing."""

    def register_signal_handlers(self) -> None:
        """Register none: those of the program stay."""


def ignore_signals(trainer: pl.Trainer) -> None:
    """Switch off Lightning's reaction to SIGTERM, for which ranks wait for one another."""
    trainer._signal_connector = _NoSignals(trainer)
    trainer.fit_loop.epoch_loop._broadcast_sigterm_tensor = _nothing  # type: ignore[method-assign]


def _nothing() -> None:
    """Do nothing."""
