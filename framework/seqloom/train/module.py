"""The Lightning module: a pipeline with its optimizer, schedule and metrics."""

from __future__ import annotations

import inspect
import logging
import math
from collections.abc import Callable, Sequence
from typing import Any, Self

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from seqloom.errors import Cause, ConfigError, RunError
from seqloom.interfaces import SequenceBatch
from seqloom.interfaces.head import Mode
from seqloom.model.pipeline import Pipeline
from seqloom.train.evaluator import Evaluator
from seqloom.train.limits import (
    callbacks_of,
    is_last_step,
    is_logged_now,
    is_validated_anyway,
    stop_and_validate,
)
from seqloom.train.monitor import Monitor, chosen_monitor
from seqloom.train.optimizer import FUSED_DEVICES, clip_gradients, make_optimizer
from seqloom.train.ranks.distributed import gathered, world_size
from seqloom.train.row_adam import RowAdam, by_rows

log = logging.getLogger("seqloom")

LOSS = "train/loss"
"""The key of the weighted loss of the last batch of a step, a mean over the ranks."""


class SequenceModule(pl.LightningModule):
    """Trains a pipeline.

    Args:
        pipeline: Pipeline to train.
        optimizer: Function from parameters to an optimizer.
        scheduler: Function from an optimizer (and ``total_steps``, if it has that parameter) to a
            schedule; None for a constant learning rate.
        total_steps: Number of optimizer steps of the whole run; None: not known before its end.
        monitor: Metric that selects the best checkpoint; None: the head's own.
        frozen: Modules that stay in eval mode, so that their weights and statistics do not change.

    Attributes:
        schedule_monitor: Metric with its split, and its mode, that a `ReduceLROnPlateau` waits for.
        has_validation: Whether there is a validation split.
        limit_reached: Whether the last step was taken.
        newest_loss: Weighted loss of the last batch on this rank, on its device; None: there was
            none yet.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        optimizer: Callable[[Any], Optimizer],
        scheduler: Callable[..., Any] | None,
        total_steps: int | None,
        frozen: Sequence[nn.Module] = (),
        *,
        monitor: Monitor | None = None,
    ) -> None:
        super().__init__()
        self.pipeline = pipeline
        self.model = pipeline.model
        self.register_load_state_dict_pre_hook(_rename_weights)  # type: ignore[no-untyped-call]
        self.make_optimizer = optimizer
        self._tables = by_rows(optimizer, self.model, self.model.frontend)
        self.make_scheduler = scheduler
        self.total_steps = total_steps
        self.frozen = tuple(frozen)
        self.monitor = monitor or chosen_monitor(pipeline.head, None)
        self.schedule_monitor: tuple[str, Mode] = (self.monitor.key, self.monitor.mode)
        self.has_validation = True
        self.evaluator: Evaluator | None = None
        self.limit_reached = False
        self._loss_sum: Tensor | float = 0.0
        self._examples = 0
        self.newest_loss: Tensor | None = None
        self._loss_is_watched = False
        self.train()

    def train(self, mode: bool = True) -> Self:
        """Set training or eval mode; frozen modules stay in eval mode."""
        super().train(mode)
        for module in self.frozen:
            module.eval()
        return self

    def forward(self, batch: SequenceBatch) -> Tensor:
        """Return the loss of each example, (B,)."""
        _, outputs = self.pipeline.outputs(batch)
        return self.pipeline.head.loss(outputs, batch.targets[self.pipeline.head_name])

    def training_step(self, batch: SequenceBatch, batch_idx: int) -> Tensor:
        """Return the mean loss over the batch's examples, times the batch's weight."""
        losses: Tensor = self(batch)
        loss = losses.mean()
        # Reading the value waits for the GPU, so there it is checked only occasionally.
        if loss.device.type == "cpu" or self.global_step % 50 == 0:
            refuse_non_finite(loss, losses, batch)
        if batch.weight:  # with 0, its example is another rank's
            self._loss_sum += losses.detach().sum()  # on its device: reading it would wait
            self._examples += len(batch)
        if batch.weight != 1.0:
            loss = loss * batch.weight
        self.newest_loss = loss.detach()
        if self._loss_is_watched:
            self._log_loss()
        return loss

    def on_train_start(self) -> None:
        """Find out whether a callback or the schedule looks at the loss of each step."""
        named = [getattr(one, "monitor", None) for one in callbacks_of(self.trainer)]
        self._loss_is_watched = LOSS in named or self.schedule_monitor[0] == LOSS

    def on_train_batch_end(self, *args: Any) -> None:
        """Stop and validate after the last batch, wherever that is; callbacks come before this.

        Logging costs more than a step of a small model, so the loss is only logged when loggers
        get it, and once at the end of the epoch.
        """
        self._validate_if_last()
        if self.newest_loss is None or self._loss_is_watched:
            return
        if is_logged_now(self.trainer):
            self._log_loss()

    def _log_loss(self) -> None:
        """Log the weighted loss of the last batch of this step: the mean over all ranks."""
        assert self.newest_loss is not None
        # No mean over the steps is taken from it, so the size of the batch is no matter.
        self.log(LOSS, self.newest_loss, batch_size=1, prog_bar=True, sync_dist=True)

    def _validate_if_last(self) -> None:
        if is_last_step(self.trainer):
            self.limit_reached = True
            if not is_validated_anyway(self.trainer):
                stop_and_validate(self.trainer)
        elif self.trainer.should_stop:
            stop_and_validate(self.trainer)

    def on_train_epoch_start(self) -> None:
        """Start the mean of an epoch's losses."""
        self._loss_sum, self._examples = 0.0, 0

    def losses_so_far(self) -> tuple[float, int]:
        """Return the sum of this epoch's losses on this rank, and the number of examples."""
        return float(self._loss_sum), self._examples

    def restore_losses(self, losses: tuple[float, int]) -> None:
        """Continue the sum of an epoch's losses."""
        self._loss_sum, self._examples = losses

    def mean_loss(self) -> float:
        """Return the mean training loss over the examples of this epoch, of all ranks.

        Every rank must request it. NaN before the first batch.
        """
        columns = zip(*gathered(self.losses_so_far()), strict=True)
        total, count = (math.fsum(column) for column in columns)
        return total / count if count else math.nan

    def on_validation_epoch_start(self) -> None:
        """Start a new evaluation."""
        self.evaluator = Evaluator(self.pipeline)

    def validation_step(self, batch: SequenceBatch, batch_idx: int) -> None:
        """Evaluate a batch."""
        assert self.evaluator is not None
        self.evaluator.update(batch)

    def on_validation_epoch_end(self) -> None:
        """Log the metrics."""
        assert self.evaluator is not None
        monitor = self.monitor.name
        for name, value in self.evaluator.compute().items():
            # Every rank has the same value; max keeps it exactly, a mean might round.
            self.log(
                f"val/{name}", value, prog_bar=name == monitor, sync_dist=True, reduce_fx="max"
            )
        self.evaluator = None

    def configure_optimizers(self) -> Any:
        """Return the optimizer and, if there is one, the schedule, in Lightning's form."""
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        optimizer = _made("optimizer", make_optimizer, self.make_optimizer, trained)
        if isinstance(optimizer, RowAdam):
            self._begin_by_rows(optimizer)
        if self.make_scheduler is None:
            return optimizer
        function = getattr(self.make_scheduler, "func", self.make_scheduler)
        by_step = "total_steps" in inspect.signature(function).parameters
        extra: dict[str, Any] = {"total_steps": self._known_steps()} if by_step else {}
        key, mode = self.schedule_monitor
        plateau = function is ReduceLROnPlateau
        if plateau:
            if not self.has_validation and key.startswith("val/"):
                raise ConfigError(
                    f"The schedule waits for {key}, but there is no validation. Set data.val or "
                    "data.split.val, or choose another schedule, such as scheduler=warmup_linear."
                )
            extra["mode"] = mode
        scheduler = _made("scheduler", self.make_scheduler, optimizer, **extra)
        settings: dict[str, Any] = {
            "scheduler": scheduler,
            "interval": "step" if by_step else "epoch",
        }
        if plateau:
            settings |= {"monitor": key, "strict": False}  # an epoch may have no validation
        return {"optimizer": optimizer, "lr_scheduler": settings}

    def on_fit_end(self) -> None:
        """Give all rows of large tables what they have missed of the training."""
        optimizer = self.optimizers(use_pl_optimizer=False)
        if isinstance(optimizer, RowAdam):
            optimizer.release()

    def _begin_by_rows(self, optimizer: RowAdam) -> None:
        """Let an optimizer update the words of large tables when they occur."""
        averaged = any(isinstance(one, WeightAveraging) for one in callbacks_of(self.trainer))
        device = self.device.type
        several_gpus = device == "cuda" and world_size() > 1
        if self._tables and (averaged or several_gpus or device not in FUSED_DEVICES):
            why = "an average of the weights" if averaged else f"{world_size()} devices: {device}"
            raise ConfigError(
                "optimizer=row_adam updates words when they occur, which needs one device or "
                f"several CPUs, and no average of the weights; this run has {why}. Choose "
                "optimizer=adamw."
            )
        if not self._tables:
            log.info(
                "optimizer=row_adam: no trained table of the frontend has %d rows, so all rows are "
                "updated in each step.",
                optimizer.min_rows,
            )
        optimizer.watch(self._tables)

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip the gradients before a step."""
        precision = self.trainer.precision_plugin
        clip_gradients(optimizer, precision, gradient_clip_val, gradient_clip_algorithm)

    def _known_steps(self) -> int:
        if self.total_steps is None:
            raise ConfigError(
                "The schedule needs the number of steps: set trainer.max_epochs or "
                "trainer.max_steps, or choose scheduler=constant."
            )
        return self.total_steps


def _rename_weights(module: nn.Module, state: dict[str, Any], *_: Any) -> None:
    """Rename the weights of a checkpoint of seqloom 0.1 to their current names."""
    for name in [name for name in state if name.startswith("pipeline.")]:
        state[f"model.{name.removeprefix('pipeline.')}"] = state.pop(name)


def _made(key: str, make: Callable[..., Any], *args: Any, **params: Any) -> Any:
    try:
        return make(*args, **params)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ConfigError(f"{key} does not accept its parameters: {error}") from error


def refuse_non_finite(loss: Tensor, losses: Tensor, batch: SequenceBatch) -> None:
    """Refuse to train on a loss that is NaN or infinite.

    Raises:
        RunError: The loss is not finite; the message names the examples.
    """
    if math.isfinite(loss.item()):
        return
    bad = (~torch.isfinite(losses)).nonzero().flatten().tolist() or range(len(batch))
    names = ", ".join(f"{batch.ids[i]} ({float(losses[i].detach()):.4g})" for i in list(bad)[:10])
    raise RunError(
        f"The loss is not finite for: {names}. Lower optimizer.lr or trainer.gradient_clip_val, "
        "or look at these examples.",
        cause=Cause.not_finite,
    )
