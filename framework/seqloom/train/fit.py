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
import torch
from pytorch_lightning.callbacks import ModelCheckpoint

from seqloom.config.compose import compose_run
from seqloom.config.freeze import Config
from seqloom.data.collate import Row
from seqloom.data.sampler import BatchSampler
from seqloom.errors import BundleError, ConfigError, RunError
from seqloom.files import sha256, write_json, write_text
from seqloom.model import bundle
from seqloom.model.build import States, build_pipeline
from seqloom.model.pipeline import Pipeline
from seqloom.model.states import read as read_states
from seqloom.model.states import write as write_states
from seqloom.plugins import KINDS
from seqloom.train import parts
from seqloom.train.callbacks import EpochLines, JsonLines, LastCheckpoint, RandomState
from seqloom.train.data import RunData, SequenceData, digest, read_data, sampler
from seqloom.train.errors import explained, quiet
from seqloom.train.folder import RunFolder, recorded
from seqloom.train.init import Beginning, begun, freeze_parts, with_parts
from seqloom.train.isolation import isolated
from seqloom.train.meter import Evaluation, calibrate, evaluate
from seqloom.train.module import SequenceModule
from seqloom.train.progress import (
    Progress,
    progress_of,
    read_checkpoint,
    total_steps,
    used_batches,
)
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
    words = with_parts([*overrides, f"run_dir='{quoted}'"])
    return run(compose_run(words, begun), overrides)


def run(config: Config, overrides: Sequence[str] = ()) -> Result:
    """Train from a frozen config, evaluate the best checkpoint, and write the run's folder.

    Raises:
        SeqloomError: the data or the folder cannot be used, or training failed.
    """
    parts.refuse_many_devices(config)
    quiet()
    folder = RunFolder(Path(config["run_dir"]))
    if folder.has_ended_well(config):
        log.info("%s has ended already; there is nothing left to train.", folder.path)
        return _stored_result(folder)
    going_on = folder.claim(config)
    with isolated(), recorded(folder, config, overrides) as record:
        if config["threads"]:
            torch.set_num_threads(config["threads"])
        seed_everything(config["seed"])
        beginning = Beginning(config) if config["init"] and not going_on else None
        data = _data(config, folder, going_on, beginning.states if beginning else None)
        write_skipped(folder, data)
        pipeline = build_pipeline(config, data.codecs)
        if beginning:
            beginning.give_weights(pipeline, data.states)
        record.update(train(pipeline, data, config, folder, going_on))
        if data.rows["val"]:
            record["calibration"] = calibrate(pipeline, *_split(data, config, "val"))
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
        EpochLines(f"val/{pipeline.head.watch}"),
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
        freeze_parts(pipeline, config["freeze"]),
    )
    before = progress_of(folder.last) if going_on else Progress()
    steps.forget_after(before.steps)
    # Lightning tells the sampler the epoch too late for workers, which read ahead.
    lightning_data.train_sampler.set_epoch(before.epochs)
    start = time.perf_counter()
    with explained(folder.path):
        trainer.fit(module, datamodule=lightning_data, ckpt_path=before.path, weights_only=True)
    seconds = time.perf_counter() - start
    _take_best(module, keeper, folder)
    pipeline.to(trainer.strategy.root_device)  # Lightning has left it on the CPU
    whole = sum(row.cost for row in data.rows["train"])
    seen = whole * module.batches_trained / len(lightning_data.train_sampler)
    return {
        "device": str(pipeline.device),
        "parameters": sum(parameter.numel() for parameter in pipeline.parameters()),
        "epochs": trainer.current_epoch,
        "steps": trainer.global_step,
        "training_seconds": round(seconds, 3),
        "cost_per_second": round(seen / seconds) if seconds else None,
        "batch_fill": round(lightning_data.train_sampler.fill(), 4),
    }


def _take_best(module: SequenceModule, keeper: ModelCheckpoint, folder: RunFolder) -> None:
    kept = Path(keeper.best_model_path or folder.last)
    if not kept.exists():
        raise RunError(
            "No epoch came to its end, so there is no model. Set trainer.max_epochs to 1 or more."
        )
    module.load_state_dict(read_checkpoint(kept)["state_dict"])


def _data(
    config: Config, folder: RunFolder, going_on: bool, basis: States | None = None
) -> RunData:
    """Return the run's data with the codecs fitted, or as they were when the run began.

    Raises:
        RunError: the run goes on, but its codecs are gone or its data have changed.
    """
    stored = _stored_codecs(folder) if going_on else None
    data = read_data(config, stored and stored["states"], basis)
    digests = {split: digest(rows) for split, rows in data.rows.items()}
    changed = [split for split in digests if stored and stored["examples"][split] != digests[split]]
    if changed:
        raise RunError(
            f"{folder.path} cannot go on: the data of {', '.join(changed)} are not those that it "
            "began with. Put them back, or start anew in another run_dir."
        )
    if not stored:
        states = write_states(data.states, folder.codec_files)
        files = _hashes(folder.codec_files)
        write_json(folder.codecs, {"states": states, "files": files, "examples": digests})
    return data


def _hashes(folder: Path) -> dict[str, str]:
    return {path.name: sha256(path) for path in sorted(folder.glob("codec.*"))}


def _stored_codecs(folder: RunFolder) -> dict[str, Any]:
    try:
        stored: dict[str, Any] = json.loads(folder.codecs.read_text(encoding="utf-8"))
        states = read_states(stored["states"], folder.codec_files)
        changed = stored.get("files", {}).items() - _hashes(folder.codec_files).items()
        if changed:
            raise BundleError(f"changed since then: {', '.join(sorted(dict(changed)))}")
        return {"states": states, "examples": stored["examples"]}
    except (OSError, ValueError, LookupError, TypeError, BundleError) as fault:
        raise RunError(
            f"{folder.codecs} is missing or damaged, so the run cannot go on; start it anew in "
            f"another run_dir. ({fault})"
        ) from fault


def _final_evaluations(pipeline: Pipeline, data: RunData, config: Config) -> dict[str, Evaluation]:
    return {
        split: evaluate(pipeline, *_split(data, config, split))
        for split in ("val", "test")
        if data.rows[split]
    }


def _split(data: RunData, config: Config, split: str) -> tuple[list[Row], BatchSampler]:
    rows = data.rows[split]
    return rows, sampler(rows, config["batch"])
