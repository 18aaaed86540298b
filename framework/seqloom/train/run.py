"""A run: from a config to a trained model in the run's folder. Read `run`, `_run` and `work`."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment

from seqloom.config.compose import (
    as_overrides,
    compose_run,
    quoted,
    refuse_no_folder,
    refuse_sweep,
)
from seqloom.config.run_config import RunConfig
from seqloom.config.run_name import is_named_by_time
from seqloom.data.content import load_contents
from seqloom.data.encoded import EncodedSplit
from seqloom.data.sampler import BatchSampler
from seqloom.errors import Cause, ConfigError
from seqloom.files import write_json
from seqloom.model import bundle
from seqloom.model.build import build_pipeline
from seqloom.model.pipeline import Pipeline
from seqloom.plugins.registry import disable, disabling_for_one_run
from seqloom.slurm import BatchJob
from seqloom.train import deadline, preemption
from seqloom.train.baselines import evaluate_baselines
from seqloom.train.checkpoints.callbacks import explain_component_changes
from seqloom.train.checkpoints.recovery import recover
from seqloom.train.data import RunData, sampler
from seqloom.train.evaluator import Evaluation, calibrate, evaluate
from seqloom.train.folder import Result, RunFolder
from seqloom.train.lease import locked
from seqloom.train.monitor import Monitor
from seqloom.train.notes import baseline_notes, sampling_notes
from seqloom.train.prepare import load_encoded, prepare_data
from seqloom.train.pretrained import Pretrained, config_with_init, words_with_init
from seqloom.train.process import quiet_lightning, restored_process, set_seed, set_threads
from seqloom.train.ranks.distributed import barrier, is_first
from seqloom.train.ranks.group import Meeting
from seqloom.train.ranks.joint import follow, joined, lead, trains_jointly
from seqloom.train.ranks.launch import launch_ranks, ranks_per_node
from seqloom.train.record import Summary, recorded
from seqloom.train.remote_copy import copied
from seqloom.train.report.run_report import write_run_report
from seqloom.train.training import Training

log = logging.getLogger("seqloom")


def fit(*overrides: str | Mapping[str, Any], run_dir: str | Path) -> Result:
    """Train as ``seqloom train`` does, from Python.

    Args:
        overrides: As on the command line, ``"encoder=lstm", "encoder.hidden_size=64"``, or as
            mappings, ``{"encoder": {"name": "lstm", "hidden_size": 64}}``.
        run_dir: Folder for all files of the run.

    Raises:
        SeqloomError: The config, the data or the folder cannot be used.
        SystemExit: srun started several processes for one device, and this is not the first.
    """
    if not isinstance(run_dir, str | Path):
        raise ConfigError(
            f"run_dir={run_dir!r}: expected the path of a folder.", cause=Cause.wrong_value
        )
    # An override like the others, since loggers may refer to it.
    given = as_overrides(overrides)
    refuse_sweep(given)
    words = words_with_init([*given, f"run_dir={quoted(run_dir)}"])
    refuse_no_folder(words)
    with preemption.handled(), disabling_for_one_run():
        return run(compose_run(words, config_with_init), given)


def run(cfg: RunConfig, overrides: Sequence[str] = ()) -> Result:
    """Train, evaluate the best checkpoint, and write the run's folder.

    A run on one device does its work in this process; one on several starts a process for each. Of
    several processes that srun, torchrun or a person started, the first leads, and the others
    follow it.

    Args:
        cfg: Config of the run.
        overrides: The user's overrides, for the record; they also decide whether ``resume=auto`` is
            assumed.

    Raises:
        SeqloomError: The data or the folder cannot be used, or training failed.
    """
    preemption.let_imports_pass()
    quiet_lightning()
    with joined(cfg) as meeting:  # None unless several processes were started from outside
        if meeting and meeting.own.rank:
            return RunFolder(follow(meeting, take_part) or Path(cfg.run_dir).absolute()).result()
        return _run(cfg, overrides, meeting)


def _run(cfg: RunConfig, overrides: Sequence[str], meeting: Meeting | None) -> Result:
    """Open the folder, prepare the data, and have `work` done: here, by ranks, or by the group."""
    folder = RunFolder(Path(cfg.run_dir).absolute())
    url = folder.remote(cfg.copy_to)
    fresh, resume = not folder.record.exists(), cfg.resume == "auto"
    with (
        preemption.handled(),
        locked(folder.path),
        copied(folder.path, url, fresh=fresh, resume=resume),
    ):
        preemption.check()
        if resume and not folder.record.exists() and is_named_by_time(folder.path):
            log.warning(
                "resume=auto has nothing to resume: without run_dir, each start has a folder of "
                "its own. Name that of the run: run_dir=PATH"
            )
        cfg = _resumed_by_its_job(cfg, folder, overrides)
        if folder.nothing_left(cfg):
            log.info("%s is finished already: there is nothing left to train.", folder.path)
            return folder.result()
        with explain_component_changes(folder, cfg):
            folder.open(cfg)
            recover(folder)
        with (
            restored_process(),
            deadline.watched(cfg.time_limit),
            recorded(folder, cfg, overrides) as record,
        ):
            ranks = ranks_per_node(cfg.trainer)  # None: one device, this process alone
            together = trains_jointly(cfg.trainer, ranks, meeting)
            with preemption.at_once():
                data = prepare_data(cfg, folder)
            record["splits"] = {
                split: {**one.facts(), "values": data.values_digests[split]}
                for split, one in data.contents.items()
            }
            if data.long:
                record["long_examples"] = data.long
            if together and meeting:
                record.update(lead(meeting, folder, data, partial(work, several=True)))
            elif ranks:
                record.update(launch_ranks(folder, data, ranks))
            else:
                record.update(work(folder, data))
    return folder.result()


def _resumed_by_its_job(cfg: RunConfig, folder: RunFolder, overrides: Sequence[str]) -> RunConfig:
    """Return the config with ``resume=auto`` if this very batch job wrote the folder before."""
    job = BatchJob.current()
    if job is None or any(word.lstrip("+").startswith("resume=") for word in overrides):
        return cfg
    if job.name != folder.read_record().get("job"):
        log.info("Slurm job %s: if it is requeued, it resumes in %s.", job.number, folder.path)
        return cfg
    log.info("Slurm job %s has written %s: resume=auto", job.number, folder.path)
    return replace(cfg, resume="auto")


def work(folder: RunFolder, data: RunData, *, several: bool = False) -> Summary:
    """Do one process's work of a run whose folder is open and whose data is prepared.

    Args:
        folder: Folder of the run; it says whether the run is resumed.
        data: Prepared data.
        several: Whether this process is one of several; torchrun's variables say which.

    Returns:
        Results for the record of the run.
    """
    cfg = folder.config()
    with preemption.at_once():
        pipeline = initial_pipeline(cfg, folder, data)
    # launch, lead and follow set torchrun's variables.
    environment = TorchElasticEnvironment() if several else LightningEnvironment()
    training = Training(cfg, folder, data, pipeline, environment)
    with training.loggers.closed_at_the_end():
        summary = training.run()
        if training.pruned:
            training.loggers.pruned = True
            return {**summary, "state": "pruned"}
        with preemption.at_once():  # a resumed run finds its training done
            if data.splits["val"]:
                summary["calibration"] = calibrate(pipeline, *_split(data, cfg, "val"))
            evaluations = _evaluate(cfg, data, pipeline)
        summary["metrics"] = {split: found.metrics for split, found in evaluations.items()}
        summary["sampling_errors"] = {
            split: found.sampling_errors for split, found in evaluations.items()
        }
        training.loggers.log_scores(summary["metrics"], summary["steps"], training.monitor.name)
    if is_first():
        bad = evaluations["val"].notes if "val" in evaluations else []
        if cfg.baseline:
            with preemption.at_once():
                summary["baselines"] = evaluate_baselines(pipeline, data)
        summary["notes"] = [
            *training.notes(),
            *(f"On val, {note}" for note in bad),
            *_notes_on_scores(training.monitor, summary, len(data.splits["val"])),
        ]
        folder.require()
        _write_results(folder, cfg, summary, pipeline=pipeline, data=data, evaluations=evaluations)
    return summary


def take_part(folder: RunFolder) -> Summary:
    """Do the work of one rank of a prepared run, from its folder; return its summary."""
    preemption.let_imports_pass()
    quiet_lightning()
    cfg = folder.config()
    disable(cfg.disable_plugins)
    summary = work(folder, load_encoded(cfg, folder), several=True)
    # No rank ends before all are done: the first one serves the others' process group.
    barrier()
    return summary


def initial_pipeline(cfg: RunConfig, folder: RunFolder, data: RunData) -> Pipeline:
    """Return the pipeline that the training of a run starts with; this seeds the process."""
    set_threads(cfg.threads)
    set_seed(cfg.seed)
    log.info(
        "Examples: %s", ", ".join(f"{name} {len(encoded)}" for name, encoded in data.splits.items())
    )
    pretrained = Pretrained(cfg) if cfg.init and not folder.resumable else None
    pipeline = build_pipeline(cfg.components, data.codecs)
    if pretrained:
        pretrained.initialize(pipeline, data.states)
    return pipeline


def _evaluate(cfg: RunConfig, data: RunData, pipeline: Pipeline) -> dict[str, Evaluation]:
    """Evaluate a trained and calibrated pipeline on each split for evaluation that has examples."""
    return {
        split: evaluate(pipeline, *_split(data, cfg, split), sampling_errors=True)
        for split in ("val", "test")
        if data.splits[split]
    }


def _notes_on_scores(monitor: Monitor, summary: Summary, examples: int) -> list[str]:
    error = summary["sampling_errors"].get("val", {}).get(monitor.name)
    beside = baseline_notes(monitor, summary["metrics"], summary.get("baselines", {}))
    return [*sampling_notes(monitor, error, examples), *beside]


def _split(data: RunData, cfg: RunConfig, split: str) -> tuple[EncodedSplit, BatchSampler]:
    encoded = data.splits[split]
    return encoded, sampler(encoded, cfg.batch)


def _write_results(
    folder: RunFolder,
    cfg: RunConfig,
    summary: Summary,
    *,
    pipeline: Pipeline,
    data: RunData,
    evaluations: Mapping[str, Evaluation],
) -> None:
    """Write the bundle, the metrics and the report."""
    # From the folder, since the data that a rank loads has no contents.
    contents = load_contents(folder.contents)
    bundle.save(
        pipeline,
        folder.bundle,
        spec=cfg.components,
        states=data.states,
        metrics=summary["metrics"],
        splits={split: one.facts() for split, one in contents.items()},
    )
    write_json(folder.metrics, summary["metrics"])
    if "baselines" in summary:
        write_json(folder.baselines, summary["baselines"])
    write_run_report(folder, cfg, summary, pipeline=pipeline, data=data, evaluations=evaluations)
