"""How far a run goes, and how far one that was broken off has come."""

from __future__ import annotations

import logging
import math
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from seqloom.errors import RunError
from seqloom.train.origins import KEY, changes

log = logging.getLogger("seqloom")


def used_batches(trainer: pl.Trainer, batches: int) -> int:
    """Return how many of an epoch's batches the trainer takes."""
    limit = trainer.limit_train_batches
    return min(batches, limit) if isinstance(limit, int) else int(batches * limit)


def total_steps(trainer: pl.Trainer, batches: int) -> int:
    """Return the number of optimiser steps of the whole run, with so many batches an epoch.

    Raises:
        RunError: it has no end.
    """
    epochs = math.inf if trainer.max_epochs in (None, -1) else trainer.max_epochs
    steps = math.ceil(batches / trainer.accumulate_grad_batches) * epochs
    if trainer.max_steps > 0:
        steps = min(steps, trainer.max_steps)
    if steps == math.inf:
        raise RunError("The run has no end: set trainer.max_epochs or trainer.max_steps.")
    return max(1, int(steps))


@dataclass(frozen=True)
class Progress:
    """Where a run goes on from: a checkpoint, and the whole epochs and steps before it.

    Attributes:
        changes: sentences on components that are not those of the checkpoint.
    """

    path: Path | None = None
    epochs: int = 0
    steps: int = 0
    changes: tuple[str, ...] = ()


def progress_of(path: Path) -> Progress:
    """Return how far the run of a checkpoint has come.

    Raises:
        RunError: the checkpoint cannot be read, or was written inside an epoch.
    """
    state = read_checkpoint(path)
    batches = state["loops"]["fit_loop"]["epoch_loop.batch_progress"]
    if not batches["is_last_batch"]:
        raise RunError(
            f"{path} was written inside an epoch, which trainer.max_steps ended; runs go on from "
            "whole epochs only. Start anew in another run_dir."
        )
    log.info("Going on after epoch %d, step %d.", state["epoch"] + 1, state["global_step"])
    told = tuple(changes(state.get(KEY, {})))
    return Progress(path, state["epoch"] + 1, state["global_step"], told)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Return what a checkpoint holds; nothing in it is executed.

    Raises:
        RunError: it cannot be read.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as fault:
        first = str(fault).strip().partition("\n")[0]
        raise RunError(
            f"The checkpoint {path} cannot be read: {first}. Start anew in another run_dir."
        ) from fault
    return state
