"""One process's part of a run: train, evaluate the best checkpoint, write what it came to.

A run on one device is one such process; with several ranks each of them goes through the same code,
and the first one writes.
"""

from __future__ import annotations

import logging
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint

from seqloom.config.run_config import RunConfig
from seqloom.data.collate import EncodedExample
from seqloom.errors import ConfigError, RunError
from seqloom.files import write_json
from seqloom.model import bundle
from seqloom.model.build import build_pipeline
from seqloom.model.pipeline import Pipeline
from seqloom.train import parts
from seqloom.train.callbacks import (
    EpochLines,
    JsonLines,
    LastCheckpoint,
    RandomState,
    TrainingTime,
)
from seqloom.train.data import RunData, SequenceData, sampler
from seqloom.train.errors import explained
from seqloom.train.evaluator import Evaluation, calibrate, evaluate
from seqloom.train.folder import RunFolder
from seqloom.train.init import Beginning, freeze_parts
from seqloom.train.module import SequenceModule
from seqloom.train.origins import Origins
from seqloom.train.progress import (
    Progress,
    progress_of,
    read_checkpoint,
    total_steps,
    used_batches,
)
from seqloom.train.ranks import is_first, rank, world_size
from seqloom.train.record import plugins_in_use
from seqloom.train.summary import write_run_report

log = logging.getLogger("seqloom")

RANK_SEEDS = 1_000_003
"""Between the seeds of two ranks: they draw different dropout."""


def perform(
    config: RunConfig,
    folder: RunFolder,
    data: RunData,
    *,
    going_on: bool,
    beginning: Beginning | None = None,
    in_ranks: bool = False,
) -> dict[str, Any]:
    """Train on prepared data and write the model, its metrics and its report.

    Args:
        config: the run's.
        folder: the run's.
        data: the run's.
        going_on: whether to go on from the folder's last checkpoint.
        beginning: the trained model to begin from.
        in_ranks: whether this process is one of several that were launched for the run.

    Returns:
        What the run's record says of it.
    """
    counts = ", ".join(f"{split} {len(rows)}" for split, rows in data.rows.items())
    log.info("Examples: %s", counts)
    pipeline = build_pipeline(config.components, data.codecs)
    if beginning:
        beginning.give_weights(pipeline, data.states)
    training = Training(config, folder, data, pipeline, in_ranks=in_ranks)
    outcome = training.run(going_on)
    outcome |= {
        "monitor": pipeline.head.monitor,
        "higher_is_better": pipeline.head.mode == "max",
        "metrics": {},
    }
    if training.pruned:
        return {**outcome, "state": "pruned"}
    if data.rows["val"]:
        outcome["calibration"] = calibrate(pipeline, *_split(data, config, "val"))
    evaluations = _final_evaluations(pipeline, data, config)
    outcome["metrics"] = {split: found.metrics for split, found in evaluations.items()}
    if is_first():
        bundle.save(
            pipeline,
            folder.bundle,
            spec=config.components,
            states=data.states,
            metrics=outcome["metrics"],
        )
        write_json(folder.metrics, outcome["metrics"])
        facts = {**outcome, "plugins": plugins_in_use()}
        write_run_report(
            folder, config, facts, pipeline=pipeline, data=data, evaluations=evaluations
        )
    return outcome


def seed_everything(seed: int) -> None:
    """Seed every generator that a part may draw from.

    Raises:
        ConfigError: the seed is negative, or too large for torch.
    """
    if not 0 <= seed < 2**63:
        raise ConfigError(f"seed={seed}: expected a whole number from 0 up to, not with, 2**63.")
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


class Training:
    """Trains a pipeline and leaves it with the weights of its best checkpoint."""

    def __init__(
        self,
        config: RunConfig,
        folder: RunFolder,
        data: RunData,
        pipeline: Pipeline,
        *,
        in_ranks: bool,
    ) -> None:
        self.config, self.folder, self.data, self.pipeline = config, folder, data, pipeline
        self.in_ranks = in_ranks
        self.has_val = bool(data.rows["val"])
        if not self.has_val:
            log.info("There is no validation split: the last epoch is kept, not the best.")
        self.keeper = parts.best_checkpoint(folder.checkpoints, pipeline.head, self.has_val)
        self.time = TrainingTime()
        self.steps = JsonLines(folder.steps)
        self.loggers = [self.steps, *parts.build_loggers(config)]
        self.trainer = parts.build_trainer(
            config, folder.path, self._callbacks(), self.loggers, in_ranks=in_ranks
        )

    @property
    def pruned(self) -> bool:
        """Whether a callback ended the training since other trials promise more."""
        return any(getattr(one, "pruned", False) for one in self.trainer.callbacks)  # type: ignore[attr-defined]

    def run(self, going_on: bool) -> dict[str, Any]:
        """Train; return what the run's record says of that."""
        before = progress_of(self.folder.last) if going_on else Progress()
        if self.in_ranks:  # the samplers must know their rank before Lightning would join it
            self.trainer.strategy.setup_environment()
        for change in before.changes if is_first() else ():
            log.warning("The run goes on with other parts than it had: %s", change)
        self.steps.forget_after(before.steps)
        at_once = self.trainer.accumulate_grad_batches
        data = SequenceData(self.data, self.config.batch, self.config.seed, at_once)
        self.time.batches = len(data.train_sampler)
        module = self._module(self.time.batches)
        self._say_batches(used_batches(self.trainer, self.time.batches))
        # Lightning tells the sampler the epoch too late for workers, which read ahead.
        data.train_sampler.set_epoch(before.epochs)
        if rank():
            seed_everything((self.config.seed + rank() * RANK_SEEDS) % 2**63)
        try:
            with explained(self.folder.path):
                self.trainer.fit(module, datamodule=data, ckpt_path=before.path, weights_only=True)
        finally:
            parts.close_loggers(self.loggers)
        _take_best(module, self.keeper, self.folder)
        self.pipeline.to(self.trainer.strategy.root_device)  # Lightning has left it on the CPU
        return self._facts(data)

    def _callbacks(self) -> list[pl.Callback]:
        head = self.pipeline.head
        return [
            *parts.build_callbacks(self.config, head, self.has_val),
            RandomState(),
            Origins(self.config),
            self.time,
            EpochLines(f"val/{head.monitor}"),
            self.keeper,
            LastCheckpoint(self.folder.last),
        ]

    def _module(self, batches: int) -> SequenceModule:
        used = used_batches(self.trainer, batches)
        # An epoch of few batches is to be logged as well.
        every = max(1, min(self.trainer.log_every_n_steps, used))  # type: ignore[attr-defined]
        self.trainer.log_every_n_steps = every  # type: ignore[attr-defined]
        return SequenceModule(
            self.pipeline,
            parts.build_optimizer(self.config),
            parts.build_scheduler(self.config),
            total_steps(self.trainer, used),
            freeze_parts(self.pipeline, self.config.freeze),
        )

    def _say_batches(self, batches: int) -> None:
        """Say what a batch is on each of several ranks, and in a step."""
        if world_size() == 1:
            return
        batch, at_once = self.config.batch, self.trainer.accumulate_grad_batches
        log.info(
            "%d ranks: a batch of up to %d examples%s on each, %d in a step; %d steps an epoch.",
            world_size(),
            batch.max_examples,
            f" and a cost of {batch.max_cost}" if batch.max_cost else "",
            batch.max_examples * world_size() * at_once,
            math.ceil(batches / at_once),
        )

    def _facts(self, data: SequenceData) -> dict[str, Any]:
        seconds = self.time.seconds
        whole = sum(row.cost for row in self.data.rows["train"])
        seen = whole * self.time.passes
        return {
            "device": str(self.pipeline.device),
            "ranks": world_size(),
            "parameters": sum(parameter.numel() for parameter in self.pipeline.parameters()),
            "epochs": self.trainer.current_epoch,
            "steps": self.trainer.global_step,
            "training_seconds": round(seconds, 3),
            "cost_per_second": round(seen / seconds) if seconds else None,
            "batch_fill": round(data.train_sampler.fill(), 4),
        }


def _take_best(module: SequenceModule, keeper: ModelCheckpoint, folder: RunFolder) -> None:
    kept = Path(keeper.best_model_path or folder.last)
    if not kept.exists():
        raise RunError(
            "No epoch came to its end, so there is no model. Set trainer.max_epochs to 1 or more."
        )
    module.load_state_dict(read_checkpoint(kept)["state_dict"])


def _final_evaluations(
    pipeline: Pipeline, data: RunData, config: RunConfig
) -> dict[str, Evaluation]:
    return {
        split: evaluate(pipeline, *_split(data, config, split))
        for split in ("val", "test")
        if data.rows[split]
    }


def _split(data: RunData, config: RunConfig, split: str) -> tuple[list[EncodedExample], Any]:
    rows = data.rows[split]
    return rows, sampler(rows, config.batch)
