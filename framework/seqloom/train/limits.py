"""The length of a training: how many epochs and steps it has, and what happens at the last one.

Lightning validates where an epoch ends. A training that ``max_steps`` or ``max_time`` ends inside
one would leave weights that were never validated.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Sequence

import pytorch_lightning as pl
from pytorch_lightning.callbacks import EarlyStopping, Timer

from seqloom.config.run_config import BudgetConfig
from seqloom.errors import RunError, plural

log = logging.getLogger("seqloom")

MIN_PATIENCE = 5
"""Epochs without an improvement that early stopping allows at least."""


def set_epochs(trainer: pl.Trainer, budget: BudgetConfig, batches: int) -> None:
    """Set the trainer's number of epochs, if its config does not, and log the length of the run.

    Args:
        trainer: Trainer before its fit, when ``max_epochs`` is None if it was not set.
        budget: Section ``budget`` of the config.
        batches: Number of batches of an epoch that the trainer uses.
    """
    if trainer.max_epochs is not None:
        return
    steps = max(1, math.ceil(batches / trainer.accumulate_grad_batches))
    if trainer.max_steps > 0:
        trainer.fit_loop.max_epochs = math.ceil(trainer.max_steps / steps)
        return
    epochs = choose_epochs(budget, steps)
    trainer.fit_loop.max_epochs = epochs
    log.info("%s", describe(budget, steps, epochs))


def set_patience(trainer: pl.Trainer) -> None:
    """Set the patience of early stopping where the config does not.

    It is a third of the run's epochs, since a small data set has many short ones.

    Args:
        trainer: Trainer whose number of epochs is set.
    """
    for callback in trainer.early_stopping_callbacks:
        if callback.patience is None:
            callback.patience = max(MIN_PATIENCE, math.ceil((trainer.max_epochs or 0) / 3))


def choose_epochs(budget: BudgetConfig, steps: int) -> int:
    """Return the number of epochs of a run, given the optimizer steps in an epoch.

    >>> choose_epochs(BudgetConfig(epochs=10, min_steps=1500, max_epochs=100), steps=40)
    38
    >>> choose_epochs(BudgetConfig(epochs=10, min_steps=1500, max_epochs=100), steps=400)
    10
    """
    enough = math.ceil((budget.min_steps or 0) / steps)
    return max(budget.epochs, min(enough, budget.max_epochs))


def describe(budget: BudgetConfig, steps: int, epochs: int) -> str:
    """Return a sentence on the length of a run and its reason.

    >>> describe(BudgetConfig(epochs=10, min_steps=1500), steps=40, epochs=38)
    'Training for 38 epochs of 40 steps to reach budget.min_steps=1500.'
    """
    total = epochs * steps
    text = f"Training for {epochs} {plural(epochs, 'epoch')} of {steps} {plural(steps, 'step')}"
    if total < (budget.min_steps or 0):
        return (
            f"{text}: budget.max_epochs={budget.max_epochs} comes before "
            f"budget.min_steps={budget.min_steps}."
        )
    if epochs > budget.epochs:
        return f"{text} to reach budget.min_steps={budget.min_steps}."
    return f"{text}."


def used_batches(trainer: pl.Trainer, batches: int) -> int:
    """Return the number of an epoch's batches that the trainer uses."""
    limit = trainer.limit_train_batches
    return min(batches, limit) if isinstance(limit, int) else int(batches * limit)


def planned_epochs(trainer: pl.Trainer, batches: int) -> float:
    """Return the number of epochs, given the batches in each; the last one counts if it starts.

    Infinite if neither ``max_epochs`` nor ``max_steps`` limits it.
    """
    epochs = math.inf if trainer.max_epochs in (None, -1) else float(trainer.max_epochs)
    if trainer.max_steps > 0:
        steps_an_epoch = max(1, math.ceil(batches / trainer.accumulate_grad_batches))
        epochs = min(epochs, math.ceil(trainer.max_steps / steps_an_epoch))
    return epochs


def total_steps(trainer: pl.Trainer, batches: int) -> int | None:
    """Return the number of optimizer steps of the whole run, given the batches in an epoch.

    Returns:
        The number; None if only ``max_time`` or early stopping will end the run.

    Raises:
        RunError: The run has no end.
    """
    epochs = math.inf if trainer.max_epochs in (None, -1) else trainer.max_epochs
    steps = math.ceil(batches / trainer.accumulate_grad_batches) * epochs
    if trainer.max_steps > 0:
        steps = min(steps, trainer.max_steps)
    if steps < math.inf:
        return max(1, int(steps))
    if not any(isinstance(one, EarlyStopping | Timer) for one in callbacks_of(trainer)):
        raise RunError("The run has no end: set trainer.max_epochs or trainer.max_steps.")
    return None


def of_epochs(trainer: pl.Trainer, batches: int) -> str:
    """Return how many epochs there will be, for the line after each: ``" of 10"``.

    It says "at most" where early stopping or ``max_time`` may end the training before.
    """
    epochs = planned_epochs(trainer, batches)
    if epochs == math.inf:
        return ""
    sooner = any(_may_end_before(one, epochs) for one in callbacks_of(trainer))
    return f" of {'at most ' if sooner else ''}{epochs:.0f}"


def _may_end_before(callback: pl.Callback, epochs: float) -> bool:
    if isinstance(callback, EarlyStopping):
        return callback.patience + 1 < epochs
    return isinstance(callback, Timer)


def callbacks_of(trainer: pl.Trainer) -> Sequence[pl.Callback]:
    """Return the callbacks of a trainer, which Lightning's types do not declare."""
    found: Sequence[pl.Callback] = trainer.callbacks  # type: ignore[attr-defined]
    return found


def is_last_step(trainer: pl.Trainer) -> bool:
    """Return whether ``max_steps`` or ``max_epochs`` ends the training after this batch."""
    if 0 < trainer.max_steps <= trainer.global_step:
        return True
    is_last_batch = trainer.fit_loop.epoch_loop.batch_progress.is_last_batch
    return bool(is_last_batch) and trainer.current_epoch + 1 == trainer.max_epochs


def is_logged_now(trainer: pl.Trainer) -> bool:
    """Return whether Lightning gives loggers the metrics of this batch, or it is an epoch's last.

    Once all callbacks have said whether to stop: the last step of a training is always logged.
    """
    loop, connector = trainer.fit_loop.epoch_loop, trainer._logger_connector
    if loop.batch_progress.is_last_batch:
        return True
    due = connector.should_update_logs or trainer.fast_dev_run  # type: ignore[attr-defined]
    return bool(due) and not loop._should_accumulate()


def stop_and_validate(trainer: pl.Trainer) -> None:
    """Let Lightning stop after this batch, and validate before.

    It validates whenever a callback asks it to stop, in epochs that are validated.
    """
    if trainer.check_val_every_n_epoch is not None:
        trainer.check_val_every_n_epoch = 1
    trainer.should_stop = True


def is_validated_anyway(trainer: pl.Trainer) -> bool:
    """Return whether Lightning validates at the end of this epoch, and this is its last batch."""
    return (
        trainer.fit_loop.epoch_loop.batch_progress.is_last_batch
        and trainer.val_check_interval == 1.0
        and trainer.check_val_every_n_epoch == 1
    )


def stop_message(callbacks: Iterable[pl.Callback], best: str) -> str:
    """Return a sentence on the early stopping that ended a training; empty if none did.

    Args:
        callbacks: Callbacks of the trainer.
        best: Best epoch with its score, in words.
    """
    for one in callbacks:
        if isinstance(one, EarlyStopping) and one.stopping_reason_message:
            return f"Stopped early after epoch {one.stopped_epoch + 1}: {_why(one)}.{best}"
    return ""


def _why(stopper: EarlyStopping) -> str:
    if stopper.wait_count >= stopper.patience:
        times = "validation" if stopper.wait_count == 1 else "validations"
        return f"{stopper.monitor} has not improved in {stopper.wait_count} {times}"
    reason = str(stopper.stopping_reason_message)
    return reason.removesuffix(" Signaling Trainer to stop.").rstrip(".")
