"""Reduce the cost of what Lightning calls in each step, even where it has nothing to do."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import TQDMProgressBar
from pytorch_lightning.profilers import PassThroughProfiler

INTERVAL = 0.1
"""Seconds from one drawing of the bar to the next."""

NOTHING: AbstractContextManager[None] = nullcontext()

HOOKS = (
    "on_train_batch_start",
    "on_before_zero_grad",
    "on_before_backward",
    "on_after_backward",
    "on_before_optimizer_step",
    "on_train_batch_end",
)
"""The hooks of callbacks in a step."""


def skip_idle_hooks(callbacks: Iterable[pl.Callback]) -> None:
    """Let Lightning leave out the hooks of a step that a callback does not have.

    It calls the empty ones of `pl.Callback` too, and tells its profiler, but skips what is not
    callable. Of about ten callbacks, few have one.
    """
    for callback in callbacks:
        for hook in HOOKS:
            if getattr(type(callback), hook) is getattr(pl.Callback, hook):
                callback.__dict__.setdefault(hook, None)


class NoProfiler(PassThroughProfiler):
    """Measures nothing, like its base, in a third of the time: a step has over 60 actions."""

    def profile(self, action_name: str) -> Any:
        """Return a context that does nothing."""
        return NOTHING


class Bar(TQDMProgressBar):
    """Lightning's progress bar, drawn a few times a second instead of after each batch.

    It shows the loss of the last batch, on several devices that of the first.
    """

    _drawn = -INTERVAL

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Draw the bar if it is time, or if this is the last batch."""
        now = time.monotonic()
        if now - self._drawn < INTERVAL and batch_idx + 1 != self.train_progress_bar.total:
            return
        self._drawn = now
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)

    def get_metrics(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> dict[str, Any]:
        """Return what is shown beside the bar."""
        found: dict[str, Any] = super().get_metrics(trainer, pl_module)
        newest = getattr(pl_module, "newest_loss", None)
        return found if newest is None else {**found, "train/loss": float(newest)}
