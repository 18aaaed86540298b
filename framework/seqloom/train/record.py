"""A run's record, ``run.json``: what became of it, attempt by attempt."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from seqloom.config.run_config import RunConfig
from seqloom.files import write_json
from seqloom.model.provenance import entries
from seqloom.plugins import registry
from seqloom.train.folder import RunFolder
from seqloom.versions import revision, versions


def past_attempts(folder: RunFolder) -> list[dict[str, Any]]:
    """Return the attempts at a run so far; one that never told its end was killed."""
    return [
        {**past, "state": "killed"} if past["state"] == "running" else past
        for past in folder.read_record().get("history", [])
    ]


def new_attempt() -> dict[str, Any]:
    """Return the entry of an attempt that begins."""
    started = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    return {"started": started, "host": platform.node(), "state": "running"}


def record_refusal(folder: RunFolder, error: str, overrides: Sequence[str]) -> None:
    """Record an attempt that ended before the run had a config; a run that is done stays so."""
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
    write_json(folder.record, record)


@contextmanager
def recorded(
    folder: RunFolder, config: RunConfig, overrides: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Keep ``run.json`` true while a run starts, ends or fails; the block may add to it."""
    history = past_attempts(folder)
    attempt = new_attempt()
    record: dict[str, Any] = {
        "state": "running",
        "attempts": len(history) + 1,
        "history": [*history, attempt],
        "overrides": list(overrides),
        "seed": config.seed,
        "config": config.to_plain(),
        "started": [*history, attempt][0]["started"],
        "machine": {"host": platform.node(), "system": platform.platform()},
        "versions": versions(),
        "plugins": plugins_in_use(),
        "components": entries(config.components),
        "git": revision(),
    }
    write_json(folder.record, record)
    start = time.perf_counter()
    try:
        yield record
        record["state"] = "pruned" if record["state"] == "pruned" else "done"
    except BaseException as fault:
        record["state"] = "failed" if isinstance(fault, Exception) else "interrupted"
        record["error"] = attempt["error"] = f"{type(fault).__name__}: {fault}"
        raise
    finally:
        attempt["seconds"] = round(time.perf_counter() - start, 3)
        record["seconds"] = round(sum(one.get("seconds", 0) for one in record["history"]), 3)
        attempt["state"] = record["state"]
        write_json(folder.record, record)


def plugins_in_use() -> list[Mapping[str, Any]]:
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
