"""The length of a run: the number of epochs that gives it enough optimizer steps."""

from __future__ import annotations

import logging
import math

import pytorch_lightning as pl

from seqloom.config.run_config import BudgetConfig
from seqloom.errors import plural

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
    'Training for 38 epochs of 40 steps, the fewest that have budget.min_steps=1500.'
    """
    total = epochs * steps
    text = f"Training for {epochs} {plural(epochs, 'epoch')} of {steps} {plural(steps, 'step')}"
    if total < (budget.min_steps or 0):
        return (
            f"{text}: budget.max_epochs={budget.max_epochs} comes before "
            f"budget.min_steps={budget.min_steps}."
        )
    if epochs > budget.epochs:
        return f"{text}, the fewest that have budget.min_steps={budget.min_steps}."
    return f"{text}."
