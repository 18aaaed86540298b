"""The record of a run, ``run.json``: its state and its results, attempt by attempt."""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypedDict

from seqloom.config.run_config import RunConfig
from seqloom.model.provenance import entries
from seqloom.plugins import registry
from seqloom.revision import revision
from seqloom.slurm import BatchJob, log_files
from seqloom.train.folder import RunFolder
from seqloom.train.preemption import Preempted
from seqloom.train.stored_record import write_record
from seqloom.versions import versions

log = logging.getLogger("seqloom")


class Summary(TypedDict, total=False):
    """Results of training and evaluation for the record of a run.

    Attributes:
        device: Device of the model.
        ranks: Number of processes.
        scaling_efficiency: Throughput as a share of ``ranks`` times that of one process; None if
            it was not measured.
        parameters: Number of the model's parameters.
        epochs: Number of epochs, over all attempts; one that a limit has cut counts.
        steps: Number of optimizer steps, over all attempts.
        training_seconds: Wall-clock time of training, over all attempts.
        cost_per_second: Tokens or pixels trained on in a second.
        batch_fill: Share of the training batches that is not padding, in [0, 1].
        monitor: Name of the monitored metric.
        higher_is_better: Whether a higher value of it is better.
        modes: ``max`` or ``min`` for each metric of the head: whether higher values are better.
        best_epoch: Epoch of the best checkpoint, counted from 1; None without validation.
        state: ``pruned`` if a sweep stopped the run early.
        calibration: What the head reports on its calibration.
        metrics: Metrics by split and name.
        metrics_log_sha256: SHA-256 of ``metrics.jsonl``.
        sampling_errors: Standard errors of the metrics due to the choice of the split's examples.
        baselines: Metrics of simple models by model, split and name, with ``baseline=true``.
        notes: Sentences on how the training went.
    """

    device: str
    ranks: int
    scaling_efficiency: float | None
    parameters: int
    epochs: int
    steps: int
    training_seconds: float
    cost_per_second: int | None
    batch_fill: float
    monitor: str
    higher_is_better: bool
    modes: dict[str, str]
    best_epoch: int | None
    state: str
    calibration: dict[str, float]
    metrics: dict[str, dict[str, float]]
    metrics_log_sha256: str
    sampling_errors: dict[str, dict[str, float]]
    baselines: dict[str, dict[str, dict[str, float]]]
    notes: list[str]


def past_attempts(folder: RunFolder) -> list[dict[str, Any]]:
    """Return the attempts at a run so far; one whose end was not recorded was killed."""
    return [
        {**past, "state": "killed"} if past["state"] == "running" else past
        for past in folder.read_record().get("history", [])
    ]


def new_attempt() -> dict[str, Any]:
    """Return the entry of an attempt that starts."""
    started = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    entry: dict[str, Any] = {"started": started, "host": platform.node(), "state": "running"}
    job, logs = BatchJob.current(), log_files()
    entry |= {"job": job.name, "restart": job.restart} if job else {}
    return {**entry, **({"logs": logs} if logs else {})}


def record_refusal(folder: RunFolder, error: str, overrides: Sequence[str]) -> None:
    """Record an attempt that failed before the run had a config, or a trial that was killed.

    A finished run stays finished.
    """
    before = folder.read_record()
    if before.get("state") in {"done", "pruned"}:
        return
    history = [*past_attempts(folder), {**new_attempt(), "state": "failed", "error": error}]
    record = {
        **before,
        "state": "failed",
        "attempts": len(history),
        "history": history,
        "overrides": list(overrides),
        "error": error,
    }
    write_record(folder.record, record)


def record_hang(folder: RunFolder, error: Exception) -> None:
    """Record that an attempt hangs, whose own code for its end does not run."""
    record = folder.read_record()
    if record.get("state") != "running":
        return
    *before, attempt = record["history"]
    failed = {"state": "failed", "error": f"{type(error).__name__}: {error}"}
    write_record(folder.record, {**record, **failed, "history": [*before, {**attempt, **failed}]})


@contextmanager
def recorded(
    folder: RunFolder, cfg: RunConfig, overrides: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Keep ``run.json`` up to date while a run starts, ends or fails; the block may add to it."""
    history = past_attempts(folder)
    attempt = new_attempt()
    record: dict[str, Any] = {
        "state": "running",
        "attempts": len(history) + 1,
        "history": [*history, attempt],
        "overrides": list(overrides),
        **({"job": attempt["job"]} if "job" in attempt else {}),
        "seed": cfg.seed,
        "config": cfg.to_plain(),
        "started": [*history, attempt][0]["started"],
        "machine": {"host": platform.node(), "system": platform.platform()},
        "versions": versions(),
        "plugins": installed_plugins(),
        "components": entries(cfg.components),
        "git": revision(),
    }
    write_record(folder.record, record)
    start = time.perf_counter()
    try:
        yield record
        record["state"] = "pruned" if record["state"] == "pruned" else "done"
    except BaseException as error:
        record["state"] = _state_after(error)
        record["error"] = attempt["error"] = f"{type(error).__name__}: {error}"
        if isinstance(error, Preempted):
            log.warning("Preempted (%s).", error)
            error.said = True
        if isinstance(error, Preempted | KeyboardInterrupt) and not folder.sweep:
            # Named, since the folder of the same command alone may be that of another time.
            log.warning("To resume: the same command with run_dir=%s resume=auto", folder.path)
        if isinstance(error, Exception):
            folder.require()  # what failed where the folder is gone, failed because of that
        raise
    finally:
        attempt["seconds"] = round(time.perf_counter() - start, 3)
        record["seconds"] = round(sum(one.get("seconds", 0) for one in record["history"]), 3)
        attempt["state"] = record["state"]
        if folder.path.is_dir():  # one that was removed or renamed must not come back
            write_record(folder.record, record)


def _state_after(error: BaseException) -> str:
    if isinstance(error, Preempted):
        return "preempted"
    return "failed" if isinstance(error, Exception) else "interrupted"


def installed_plugins() -> list[Mapping[str, Any]]:
    """Return the installed plugins with their distributions and versions."""
    return [
        {
            "name": plugin.name,
            "distribution": plugin.distribution,
            "version": plugin.version,
            "state": plugin.state,
        }
        for plugin in registry().plugins
    ]
