"""Train, from a config to a model that can be shared."""

from __future__ import annotations

import json
import logging
import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from seqloom.config.compose import compose_run
from seqloom.config.freeze import Config
from seqloom.errors import BundleError, RunError
from seqloom.files import write_json
from seqloom.model import bundle
from seqloom.model.build import build_pipeline
from seqloom.model.pipeline import Pipeline
from seqloom.plugins import KINDS
from seqloom.train import parts
from seqloom.train.callbacks import JsonLines, RandomState
from seqloom.train.data import RunData, SequenceData, read_data, sampler
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
    config = compose_run([*overrides])
    config["run_dir"] = str(run_dir)
    return run(config, overrides)


def run(config: Config, overrides: Sequence[str] = ()) -> Result:
    """Train from a frozen config, evaluate the best checkpoint, and write the run's folder.

    Raises:
        SeqloomError: the data or the folder cannot be used, or training failed.
    """
    parts.refuse_many_devices(config)
    folder = RunFolder(Path(config["run_dir"]))
    going_on = folder.claim(config)
    with recorded(folder, config, overrides) as record:
        if config["threads"]:
            torch.set_num_threads(config["threads"])
        seed_everything(config["seed"])
        data = read_data(config, _stored_states(folder) if going_on else None)
        write_json(folder.codecs, data.states)
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


def seed_everything(seed: int) -> None:
    """Seed every generator that a part may draw from."""
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
    keeper = parts.checkpoints(folder.checkpoints, pipeline.head, has_val)
    steps = JsonLines(folder.steps)
    callbacks = [
        *parts.build_callbacks(config, pipeline.head, has_val),
        RandomState(),
        keeper,
    ]
    trainer = parts.build_trainer(
        config, folder.path, callbacks, [steps, *parts.build_loggers(config)]
    )
    batches = len(lightning_data.train_sampler)
    module = SequenceModule(
        pipeline,
        parts.build_optimizer(config),
        parts.build_scheduler(config),
        total_steps(trainer, batches),
    )
    checkpoint = _checkpoint(folder, steps) if going_on else None
    start = time.perf_counter()
    trainer.fit(module, datamodule=lightning_data, ckpt_path=checkpoint, weights_only=True)
    seconds = time.perf_counter() - start
    if not keeper.best_model_path:
        raise RunError("Training ended before its first epoch did, so there is no model.")
    device = trainer.strategy.root_device
    _take_weights(module, keeper.best_model_path)
    pipeline.to(device)  # Lightning has left it on the CPU
    tokens = sum(row.cost for row in data.rows["train"]) * trainer.current_epoch
    return {
        "device": str(device),
        "parameters": sum(parameter.numel() for parameter in pipeline.parameters()),
        "epochs": trainer.current_epoch,
        "steps": trainer.global_step,
        "training_seconds": round(seconds, 3),
        "cost_per_second": round(tokens / seconds) if seconds and not going_on else None,
        "batch_fill": round(lightning_data.train_sampler.fill(), 4),
    }


def total_steps(trainer: pl.Trainer, batches: int) -> int:
    """Return the number of optimiser steps of the whole run."""
    if isinstance(trainer.limit_train_batches, int):
        batches = min(batches, trainer.limit_train_batches)
    else:
        batches = int(batches * trainer.limit_train_batches)
    epochs = trainer.max_epochs if trainer.max_epochs and trainer.max_epochs > 0 else math.inf
    steps = math.ceil(batches / trainer.accumulate_grad_batches) * epochs
    if trainer.max_steps > 0:
        steps = min(steps, trainer.max_steps)
    if steps == math.inf:
        raise RunError("The run has no end: set trainer.max_epochs or trainer.max_steps.")
    return max(1, int(steps))


def _checkpoint(folder: RunFolder, steps: JsonLines) -> str:
    """Return the checkpoint to go on from; the metrics of steps after it are dropped."""
    state = torch.load(folder.last, map_location="cpu", weights_only=True)
    log.info("Going on after epoch %d, step %d.", state["epoch"] + 1, state["global_step"])
    steps.forget_after(state["global_step"])
    return str(folder.last)


def _stored_states(folder: RunFolder) -> dict[str, Any]:
    try:
        states: dict[str, Any] = json.loads(folder.codecs.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise BundleError(
            f"{folder.codecs} is missing or damaged, so the run cannot go on; start it anew in "
            f"another run_dir. ({fault})"
        ) from fault
    return states


def _take_weights(module: SequenceModule, checkpoint: str) -> None:
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"]
    module.load_state_dict(state)


def _final_evaluations(pipeline: Pipeline, data: RunData, config: Config) -> dict[str, Evaluation]:
    return {
        split: evaluate(pipeline, data.rows[split], sampler(data.rows[split], config["batch"]))
        for split in ("val", "test")
        if data.rows[split]
    }
