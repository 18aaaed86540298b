"""Continue in the training data where a checkpoint was written, also on other ranks."""

from __future__ import annotations

import logging
import math
from functools import partial
from typing import Any

import pytorch_lightning as pl

from seqloom.config.run_config import RunConfig
from seqloom.data.redealing import RedealtSampler
from seqloom.data.sampler import BatchSampler
from seqloom.errors import plural
from seqloom.train.checkpoints.progress import Progress
from seqloom.train.checkpoints.writer import CheckpointWriter
from seqloom.train.data import RunData, SequenceData
from seqloom.train.loops import restart_epoch, set_batches
from seqloom.train.ranks.distributed import is_first, world_size

log = logging.getLogger("seqloom")


def training_data(
    cfg: RunConfig, data: RunData, before: Progress, trainer: pl.Trainer
) -> SequenceData:
    """Return the data of a training, from its start or from where a checkpoint was written.

    On another number of ranks each step keeps its examples: the trainer is changed to accumulate
    more or fewer batches. Its checkpoint writer is changed to count them where it continues.

    Args:
        cfg: Config of the run.
        data: Prepared data.
        before: Progress to continue from.
        trainer: Trainer before its fit.
    """
    dealt_to = before.dealt_to
    if dealt_to and dealt_to[0] == world_size():
        dealt_to = None
    accumulate: int = trainer.accumulate_grad_batches
    found = SequenceData(data, cfg.batch, cfg.seed, accumulate, dealt_to)
    sampler = found.train_sampler
    if isinstance(sampler, RedealtSampler):
        _accumulate(trainer, sampler)
    files = trainer.strategy.checkpoint_io
    if before.data and isinstance(files, CheckpointWriter):
        files.change = partial(_continue_in, sampler)
    return found


def _accumulate(trainer: pl.Trainer, sampler: RedealtSampler) -> None:
    plan = sampler.plan
    trainer.accumulate_grad_batches = sampler.accumulate
    limit: Any = trainer.limit_train_batches
    if isinstance(limit, int):
        steps = math.ceil(limit / plan.accumulate)
        trainer.limit_train_batches = sampler.batches_before(steps)
    if is_first():
        log.info(
            "The run was started on %s and is resumed on %d: each step keeps its examples, in %s "
            "on each rank. Sums are rounded in another order, so the results may differ in their "
            "last bits.",
            f"{plan.world_size} {plural(plan.world_size, 'rank')}",
            world_size(),
            f"{sampler.accumulate} {plural(sampler.accumulate, 'batch', 'batches')}",
        )


def _continue_in(sampler: BatchSampler | RedealtSampler, state: dict[str, Any]) -> None:
    """Change a stored state so that it counts the batches of a sampler."""
    position = state["SequenceData"]["position"]
    inside = isinstance(sampler, BatchSampler) and 0 < position < len(sampler)
    if inside and position % sampler.accumulate:
        log.warning(
            "trainer.accumulate_grad_batches=%d does not divide the %d %s used in epoch %d: the "
            "epoch "
            "starts again.",
            sampler.accumulate,
            position,
            plural(position, "batch", "batches"),
            state["SequenceData"]["epoch"] + 1,
        )
        state["SequenceData"]["position"] = position = 0
        restart_epoch(state)
    if position:
        set_batches(state, sampler.batches_at(position))
