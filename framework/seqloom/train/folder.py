"""A run's folder: who may write it, what it holds, and whether a run may go on in it."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqloom.config.run_config import RunConfig, Section
from seqloom.errors import RunError
from seqloom.files import write_text

log = logging.getLogger("seqloom")

NAMES = frozenset({"run_dir", "resume", "threads", "title", "disable_plugins"})
"""What has no influence on a run's result."""

MAY_CHANGE = NAMES | {"trainer", "callbacks", "logger", "batch.workers"}
"""What may differ when a run goes on; anything else would make it another run."""


def parse_record(text: str | bytes) -> dict[str, Any]:
    """Return the content of a ``run.json``; empty if it does not hold an object.

    In records of 0.1.0 the monitored metric has the key ``watch``; it is returned as ``monitor``.

    Raises:
        ValueError: The text is not JSON.
    """
    record = json.loads(text)
    if not isinstance(record, dict):
        return {}
    if "watch" in record:
        record.setdefault("monitor", record.pop("watch"))
    return record


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a ``metrics.jsonl``; empty if it does not exist.

    A line that is incomplete, because it is being written or its process was killed, is left out.

    Raises:
        OSError: The file cannot be read.
    """
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    rows = []
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            rows.append(row)
    return rows


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
    def codec_files(self) -> Path:
        """The folder of what is bytes in the codecs' states; there only if something is."""
        return self.path / "codecs"

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

    @property
    def log(self) -> Path:
        """What was said while it ran."""
        return self.path / "train.log"

    @property
    def ranks(self) -> Path:
        """The folder of what the ranks said, each for itself; there only if there were several."""
        return self.path / "ranks"

    @property
    def skipped(self) -> Path:
        """The examples that were left out at the user's wish, one JSON object a line."""
        return self.path / "skipped.jsonl"

    def read_record(self) -> dict[str, Any]:
        """Return what became of the run; empty if it never started, or if that is damaged.

        Raises:
            RunError: the record is there, but cannot be read now.
        """
        try:
            return parse_record(self.record.read_bytes())
        except FileNotFoundError:
            return {}
        except ValueError as fault:
            log.warning("%s is damaged, and is written anew: %s", self.record, fault)
            return {}
        except OSError as fault:
            raise RunError(f"Cannot read {self.record}: {fault.strerror or fault}.") from fault

    def tidy(self) -> None:
        """Remove what a process that was killed had begun to write; only who holds it may."""
        for folder in (self.path, self.checkpoints):
            for pattern in (".*.part", ".*.old"):
                for path in folder.glob(pattern):
                    if path.is_dir():
                        shutil.rmtree(path, ignore_errors=True)
                    elif not path.name.startswith(".lease"):
                        path.unlink(missing_ok=True)

    def has_ended_well(self, config: RunConfig) -> bool:
        """Return whether the folder holds this very run, done, and it is asked to go on."""
        state = self.read_record().get("state")
        whole = all(path.exists() for path in (self.config, self.metrics, self.bundle))
        return (
            config.resume == "auto"
            and ((state == "done" and whole) or state == "pruned")
            and not differing(self.frozen().to_plain(), config.to_plain(), but=NAMES)
        )

    def claim(self, config: RunConfig) -> bool:
        """Take the folder for a run and freeze its config there; return whether it goes on.

        Raises:
            RunError: the folder holds a run, and this one must not or cannot go on with it.
        """
        # A run that failed before its first epoch ended, by a mistyped path say, left nothing.
        going_on = self.config.exists() and not self._failed_early()
        if going_on:
            self._refuse_other_run(config)
        import yaml  # not needed to read records

        write_text(
            self.config, yaml.safe_dump(config.to_plain(), sort_keys=False, allow_unicode=True)
        )
        return going_on and self.last.exists()

    def _failed_early(self) -> bool:
        return self.read_record().get("state") == "failed" and not self.last.exists()

    def _refuse_other_run(self, config: RunConfig) -> None:
        if config.resume != "auto":
            raise RunError(
                f"{self.path} already holds a run. Choose another run_dir, or go on with it: "
                "resume=auto"
            )
        changed = differing(self.frozen().to_plain(), config.to_plain(), but=MAY_CHANGE)
        if changed:
            raise RunError(
                f"{self.path} cannot go on with other settings: {', '.join(changed)}. Give the "
                "values of its config.yaml, or choose another run_dir."
            )

    def frozen(self) -> RunConfig:
        """Return the config that the folder's run had."""
        import yaml

        try:
            return RunConfig.from_plain(yaml.safe_load(self.config.read_text(encoding="utf-8")))
        except (OSError, LookupError, TypeError, ValueError, yaml.YAMLError) as fault:
            raise RunError(
                f"{self.config} is damaged, so the run cannot go on; choose another run_dir. "
                f"({fault})"
            ) from fault


def differing(before: Section, after: Section, but: Collection[str] = ()) -> list[str]:
    """Return in words what differs between two configs, but for some keys and what is below them.

    >>> differing({"a": {"b": 1, "c": 2}}, {"a": {"b": 3, "c": 4}}, but={"a.c"})
    ['a.b (1 then, 3 now)']
    """
    return [
        f"{key} ({then!r} then, {now!r} now)" for key, then, now in _differing(before, after, but)
    ]


def _differing(
    before: Section, after: Section, but: Collection[str], prefix: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    for name in dict.fromkeys([*before, *after]):
        then, now, key = before.get(name), after.get(name), f"{prefix}{name}"
        if then == now or key in but:
            continue
        if isinstance(then, dict) and isinstance(now, dict):
            yield from _differing(then, now, but, f"{key}.")
        else:
            yield key, then, now
