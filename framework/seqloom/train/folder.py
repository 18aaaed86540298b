"""A run's folder: who may write it, what it holds, and whether a run may go on in it."""

from __future__ import annotations

import json
import logging
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from seqloom.config.freeze import Config
from seqloom.errors import RunError
from seqloom.files import write_json, write_text
from seqloom.plugins import registry
from seqloom.versions import versions

log = logging.getLogger("seqloom")

MAY_CHANGE = frozenset({"run_dir", "resume", "threads", "title", "trainer", "callbacks", "logger"})
"""What may differ when a run goes on; anything else would make it another run."""


@dataclass(frozen=True)
class RunFolder:
    """The folder that holds all there is to know of a run."""

    path: Path

    @property
    def config(self) -> Path:
        """The frozen config."""
        return self.path / "config.yaml"

    @property
    def codecs(self) -> Path:
        """The fitted codecs' states."""
        return self.path / "codecs.json"

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.path / "checkpoints"

    @property
    def last(self) -> Path:
        """The checkpoint of the last epoch."""
        return self.checkpoints / "last.ckpt"

    @property
    def bundle(self) -> Path:
        """The best model."""
        return self.path / "bundle"

    @property
    def steps(self) -> Path:
        """The metrics by step."""
        return self.path / "metrics.jsonl"

    @property
    def metrics(self) -> Path:
        """The final metrics."""
        return self.path / "metrics.json"

    @property
    def record(self) -> Path:
        """What became of the run."""
        return self.path / "run.json"

    @property
    def report(self) -> Path:
        """The report."""
        return self.path / "report.html"

    def read_record(self) -> dict[str, Any]:
        """Return what became of the run; empty if it never started."""
        if not self.record.exists():
            return {}
        found: dict[str, Any] = json.loads(self.record.read_text(encoding="utf-8"))
        return found

    def claim(self, config: Config) -> bool:
        """Take the folder for a run and freeze its config there; return whether it goes on.

        Raises:
            RunError: the folder holds a run, and this one must not or cannot go on with it.
        """
        going_on = self.config.exists()
        if going_on:
            self._refuse_other_run(config)
        write_text(self.config, yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
        return going_on and self.last.exists()

    def _refuse_other_run(self, config: Config) -> None:
        if config["resume"] != "auto":
            raise RunError(
                f"{self.path} already holds a run. Choose another run_dir, or go on with it: "
                "resume=auto"
            )
        before = yaml.safe_load(self.config.read_text(encoding="utf-8"))
        changed = sorted(
            key
            for key in (set(before) | set(config)) - MAY_CHANGE
            if before.get(key) != config.get(key)
        )
        if changed:
            raise RunError(
                f"{self.path} cannot go on: its {', '.join(changed)} was set otherwise. Give the "
                "values of its config.yaml, or choose another run_dir."
            )


@contextmanager
def recorded(
    folder: RunFolder, config: Config, overrides: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Keep ``run.json`` true while a run starts, ends or fails; the block may add to it."""
    attempts = folder.read_record().get("attempts", 0) + 1
    record: dict[str, Any] = {
        "state": "running",
        "attempts": attempts,
        "overrides": list(overrides),
        "seed": config["seed"],
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "machine": {"host": platform.node(), "system": platform.platform()},
        "versions": versions(),
        "plugins": plugins_in_use(),
    }
    write_json(folder.record, record)
    start = time.perf_counter()
    try:
        yield record
        record["state"] = "done"
    except BaseException as fault:
        record["state"] = "failed" if isinstance(fault, Exception) else "interrupted"
        record["error"] = f"{type(fault).__name__}: {fault}"
        raise
    finally:
        record["seconds"] = round(time.perf_counter() - start, 3)
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
