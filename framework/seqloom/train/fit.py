"""Train, from a config to a model that can be shared."""

from __future__ import annotations

import json
import logging
import math
import pickle
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint

from seqloom.config.compose import compose_run
from seqloom.config.freeze import Config
from seqloom.errors import BundleError, ConfigError, RunError
from seqloom.files import write_json, write_text
from seqloom.model import bundle
from seqloom.model.build import build_pipeline
from seqloom.model.pipeline import Pipeline
from seqloom.plugins import KINDS
from seqloom.train import parts
from seqloom.train.callbacks import JsonLines, LastCheckpoint, RandomState
from seqloom.train.data import RunData, SequenceData, read_data, sampler
from seqloom.train.errors import explained
from seqloom.train.folder import RunFolder, recorded
from seqloom.train.meter import Evaluation, evaluate
from seqloom.train.module import SequenceModule
from seqloom.train.summary import write_run_report

log = logging.getLogger("seqloom")


@dataclass(frozen=True)
class Result:
    """What a run came to.

    Attributes:
        run_dir: the run's folder.
        metrics: by split and name: ``result.metrics["test"]["f1"]``.
        watch: the name of the metric that the best checkpoint was chosen by.
    """

    run_dir: Path
    metrics: dict[str, dict[str, float]]
    watch: str

    @property
    def bundle(self) -> Path:
        """The folder of the best model."""
        return RunFolder(self.run_dir).bundle

    @property
    def report(self) -> Path:
        """The report."""
        return RunFolder(self.run_dir).report


def fit(*overrides: str, run_dir: str | Path) -> Result:
    """Train as ``seqloom train`` does, from Python.

    Args:
        overrides: as on the command line: ``"encoder=lstm", "encoder.hidden_size=64"``.
        run_dir: the folder that gets everything.

    Raises:
        SeqloomError: the config, the data or the folder cannot be used.
    """
    # An override like the others: loggers may refer to it.
    quoted = str(run_dir).replace("'", "\\'")
    return run(compose_run([*overrides, f"run_dir='{quoted}'"]), overrides)


def run(config: Config, overrides: Sequence[str] = ()) -> Result:
    """Train from a frozen config, evaluate the best checkpoint, and write the run's folder.

    Raises:
        SeqloomError: the data or the folder cannot be used, or training failed.
    """
    parts.refuse_many_devices(config)
    folder = RunFolder(Path(config["run_dir"]))
    if folder.has_ended_well(config):
        log.info("%s has ended already; there is nothing left to train.", folder.path)
        return _stored_result(folder)
    going_on = folder.claim(config)
    with recorded(folder, config, overrides) as record:
        if config["threads"]:
            torch.set_num_threads(config["threads"])
        seed_everything(config["seed"])
        data = read_data(config, _stored_states(folder) if going_on else None)
        write_json(folder.codecs, data.states)
        write_skipped(folder, data)
        pipeline = build_pipeline(config, data.codecs)
        record.update(train(pipeline, data, config, folder, going_on))
        evaluations = _final_evaluations(pipeline, data, config)
        metrics = {split: found.metrics for split, found in evaluations.items()}
        record["watch"] = pipeline.head.watch
        record["higher_is_better"] = pipeline.head.higher_is_better
        bundle.save(
            pipeline,
            folder.bundle,
            spec={kind: config[kind] for kind in KINDS},
            states=data.states,
            metrics=metrics,
        )
        write_json(folder.metrics, metrics)
        write_run_report(
            folder, config, record, pipeline=pipeline, data=data, evaluations=evaluations
        )
    return Result(folder.path, metrics, pipeline.head.watch)


def _stored_result(folder: RunFolder) -> Result:
    stored = json.loads(folder.metrics.read_text(encoding="utf-8"))
    metrics = {
        split: {name: math.nan if value is None else value for name, value in values.items()}
        for split, values in stored.items()
    }
    return Result(folder.path, metrics, folder.read_record()["watch"])


def write_skipped(folder: RunFolder, data: RunData) -> None:
    """List the examples that were left out, if there are any, in ``skipped.jsonl``."""
    lines = [
        {"split": split, "id": fault.example_id, "where": fault.where, "problem": fault.problem}
        for split, faults in data.skipped.items()
        for fault in faults
    ]
    if lines:
        texts = [json.dumps(line, ensure_ascii=False) for line in lines]
        write_text(folder.skipped, "\n".join(texts) + "\n")


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


def train(
    pipeline: Pipeline, data: RunData, config: Config, folder: RunFolder, going_on: bool
) -> dict[str, Any]:
    """Train a pipeline and leave it with the weights of its best checkpoint.

    Returns:
        What the run's record says of the training.
    """
    lightning_data = SequenceData(data, config["batch"], config["seed"])
    has_val = bool(data.rows["val"])
    if not has_val:
        log.info("There is no validation split: the last epoch is kept, not the best.")
    keeper = parts.best_checkpoint(folder.checkpoints, pipeline.head, has_val)
    steps = JsonLines(folder.steps)
    callbacks = [
        *parts.build_callbacks(config, pipeline.head, has_val),
        RandomState(),
        keeper,
        LastCheckpoint(folder.last),
    ]
    trainer = parts.build_trainer(
        config, folder.path, callbacks, [steps, *parts.build_loggers(config)]
    )
    batches = used_batches(trainer, len(lightning_data.train_sampler))
    # An epoch of few batches is to be logged as well.
    trainer.log_every_n_steps = max(1, min(trainer.log_every_n_steps, batches))  # type: ignore[attr-defined]
    module = SequenceModule(
        pipeline,
        parts.build_optimizer(config),
        parts.build_scheduler(config),
        total_steps(trainer, batches),
    )
    checkpoint = _checkpoint(folder) if going_on else Checkpoint()
    steps.forget_after(checkpoint.steps)
    # Lightning tells the sampler the epoch too late for workers, which read ahead.
    lightning_data.train_sampler.set_epoch(checkpoint.epochs)
    start = time.perf_counter()
    with explained(folder.path):
        trainer.fit(module, datamodule=lightning_data, ckpt_path=checkpoint.path, weights_only=True)
    seconds = time.perf_counter() - start
    _take_best(module, keeper, folder)
    pipeline.to(trainer.strategy.root_device)  # Lightning has left it on the CPU
    tokens = sum(row.cost for row in data.rows["train"]) * trainer.current_epoch
    return {
        "device": str(pipeline.device),
        "parameters": sum(parameter.numel() for parameter in pipeline.parameters()),
        "epochs": trainer.current_epoch,
        "steps": trainer.global_step,
        "training_seconds": round(seconds, 3),
        "cost_per_second": round(tokens / seconds) if seconds and not going_on else None,
        "batch_fill": round(lightning_data.train_sampler.fill(), 4),
    }


def _take_best(module: SequenceModule, keeper: ModelCheckpoint, folder: RunFolder) -> None:
    kept = Path(keeper.best_model_path or folder.last)
    if not kept.exists():
        raise RunError(
            "No epoch came to its end, so there is no model. Set trainer.max_epochs to 1 or more."
        )
    module.load_state_dict(read_checkpoint(kept)["state_dict"])


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
class Checkpoint:
    """Where a run goes on from."""

    path: Path | None = None
    epochs: int = 0
    steps: int = 0


def _checkpoint(folder: RunFolder) -> Checkpoint:
    state = read_checkpoint(folder.last)
    log.info("Going on after epoch %d, step %d.", state["epoch"] + 1, state["global_step"])
    return Checkpoint(folder.last, state["epoch"] + 1, state["global_step"])


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


def _stored_states(folder: RunFolder) -> dict[str, Any]:
    try:
        states: dict[str, Any] = json.loads(folder.codecs.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise BundleError(
            f"{folder.codecs} is missing or damaged, so the run cannot go on; start it anew in "
            f"another run_dir. ({fault})"
        ) from fault
    return states


def _final_evaluations(pipeline: Pipeline, data: RunData, config: Config) -> dict[str, Evaluation]:
    return {
        split: evaluate(pipeline, data.rows[split], sampler(data.rows[split], config["batch"]))
        for split in ("val", "test")
        if data.rows[split]
    }
