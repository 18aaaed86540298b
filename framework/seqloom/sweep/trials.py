"""The trials of a sweep, read from the records that they leave in their folders."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from seqloom.errors import DataError
from seqloom.files import sha256
from seqloom.sweep.folder import SweepFolder, read_plan
from seqloom.train.folder import RunFolder, read_metrics
from seqloom.train.notes import by_epoch
from seqloom.train.stored_record import has_types, read_record

log = logging.getLogger("seqloom")

STATES = (
    "done",
    "running",
    "waiting",
    "failed",
    "pruned",
    "interrupted",
    "preempted",
    "killed",
    "damaged",
    "unreadable",
)
"""States of a trial, in the order in which they are listed."""

BROKEN = frozenset({"damaged", "unreadable"})
"""States in which nothing is known of a trial: its record is damaged, or may not be read."""

_OF_A_JOB = ("started", "host", "state", "job", "restart", "logs", "seconds")

_NO_SETTINGS = ("run_dir", "resume", "callbacks.pruning")
"""Keys that do not affect what is trained; a search adds the last one itself."""


@dataclass(frozen=True)
class Trial:
    """One trial of a sweep.

    Attributes:
        folder: Folder of the trial, named by its number.
        record: Content of its ``run.json``; empty if there is none.
        planned: Overrides in the sweep's plan; None if the trial is not planned.
    """

    folder: Path
    record: Mapping[str, Any]
    planned: list[str] | None = None

    @property
    def number(self) -> int:
        """The number of the trial in its sweep."""
        return int(self.folder.name)

    @cached_property
    def state(self) -> str:
        """The state of the trial, one of `STATES`.

        The record of a trial whose process was killed still says "running", but no process holds
        the trial's lease.
        """
        if not self.record:
            return "waiting"
        recorded = str(self.record.get("state"))
        if recorded != "running":
            return recorded if recorded in STATES else "damaged"
        from seqloom.train.lease import holder

        return "running" if holder(self.folder) else "killed"

    @property
    def done(self) -> bool:
        """Whether the trial finished with a model."""
        return self.state == "done"

    @property
    def failures(self) -> int:
        """The number of attempts that failed; those that were interrupted do not count."""
        history = self.record.get("history")
        entries = history if isinstance(history, list) else []
        return sum(isinstance(one, dict) and one.get("state") == "failed" for one in entries)

    @property
    def history(self) -> list[dict[str, Any]]:
        """What is known of each attempt as a job: its host, state, number and log files."""
        history = self.record.get("history")
        entries = history if isinstance(history, list) else []
        return [
            {name: one[name] for name in _OF_A_JOB if name in one}
            for one in entries
            if isinstance(one, dict)
        ]

    @property
    def metrics(self) -> Mapping[str, Mapping[str, float]]:
        """The final metrics by split and name, without those that are not finite."""
        return _finite(self.record.get("metrics"))

    @property
    def baselines(self) -> Mapping[str, Mapping[str, Mapping[str, float]]]:
        """The metrics of simple models by their name, as `metrics`; empty without ``baseline``."""
        found = _mapping(self.record.get("baselines"))
        return {name: _finite(splits) for name, splits in found.items()}

    @property
    def monitor(self) -> str | None:
        """The monitored metric; None as long as it is not known."""
        found = self.record.get("monitor")
        return found if isinstance(found, str) else None

    @property
    def seed(self) -> str | None:
        """The seed as text; None if neither the record nor the overrides have it."""
        found = self.record.get("seed")
        return self.overrides().get("seed") if found is None else str(found)

    def overrides(self) -> dict[str, str]:
        """Return the values that were set, as text by key, including the seed."""
        given = self.record.get("overrides")
        words = given if isinstance(given, list) else self.planned or []
        return {key: value for key, value in map(_pair, map(str, words)) if not _is_no_setting(key)}

    def value(self, split: str, name: str) -> float | None:
        """Return a final metric; None if the trial is not done or does not have it."""
        return self.metrics.get(split, {}).get(name) if self.done else None

    def sampling_error(self, split: str, name: str) -> float | None:
        """Return a final metric's standard error due to the split's examples; None: not known."""
        found = _mapping(_mapping(self.record.get("sampling_errors")).get(split)).get(name)
        return float(found) if self.done and isinstance(found, float | int) else None

    def score(self) -> float | None:
        """Return the monitored metric on the validation split, signed so that higher is better."""
        value = self.value("val", self.monitor or "")
        return (
            -value if value is not None and self.record.get("higher_is_better") is False else value
        )

    def curve(self, metric: str) -> dict[int, float]:
        """Return a metric after each epoch, counted from 1; NaN where it was not finite.

        Args:
            metric: Name in ``metrics.jsonl``: ``val/f1``. Another process may be writing there.
        """
        return by_epoch(self.rows(), metric)

    def rows(self) -> list[dict[str, Any]]:
        """Return the lines of ``metrics.jsonl``; none, with a warning, if it cannot be read.

        A warning also says that the file of a finished run was changed.
        """
        path = RunFolder(self.folder).metrics_log
        try:
            rows = read_metrics(path)
            recorded = self.record.get("metrics_log_sha256") if self.done else None
            if recorded and sha256(path) != recorded:
                log.warning("%s was changed after the run: its curves may be wrong.", path)
            return rows
        except OSError as error:
            problem = f"{path} cannot be read: {error.strerror or error}."
        except DataError as error:
            problem = str(error)
        log.warning("%s The metrics of its epochs are left out.", problem)
        return []


def read_trials(folder: Path) -> list[Trial]:
    """Return the trials of a sweep in the order of their numbers, planned ones included.

    Folders named by digits are trials, with or without a plan. If a record is missing, damaged or
    cannot be read, the trial's state says so.

    Raises:
        DataError: the folder cannot be read.
    """
    try:
        found = SweepFolder(folder).numbers()
    except OSError as error:
        raise DataError(
            f"{folder} cannot be read as a sweep: {error.strerror or error}. Pass the folder that "
            "a sweep printed at its end; seqloom sweep list shows those below runs."
        ) from error
    planned = {trial.number: trial.overrides for trial in read_plan(folder, strict=False).trials}
    numbers = sorted({*found, *planned})
    return [read_trial(folder / str(number), planned.get(number)) for number in numbers]


def read_trial(folder: Path, planned: list[str] | None = None) -> Trial:
    """Return the trial of a folder, which need not exist yet."""
    path = RunFolder(folder).record
    try:
        record = read_record(path)
    except FileNotFoundError:
        return Trial(folder, {}, planned)
    except DataError as error:
        return Trial(folder, {"state": "damaged", "error": str(error)}, planned)
    except OSError as error:
        said = f"{path} cannot be read: {error.strerror or error}."
        return Trial(folder, {"state": "unreadable", "error": said}, planned)
    if not record or not has_types(record):
        record = {"state": "damaged", "error": f"{path} does not hold the record of a run"}
    return Trial(folder, record, planned)


def open_sweep(folder: Path) -> list[Trial]:
    """Return the trials of a folder that must be a sweep's.

    Raises:
        DataError: the folder is not a sweep's.
    """
    trials = read_trials(folder)
    sweep, run = SweepFolder(folder), RunFolder(folder)
    if sweep.is_sweep():
        return trials
    if run.record.exists():
        raise DataError(
            f"{folder} is a single run, but the folder of a sweep is expected. The run's report is "
            f"{run.report}."
        )
    raise DataError(
        f"{folder} does not hold a sweep: it has neither {sweep.plan.name} nor trials with a "
        f"{run.record.name}. Pass the folder that a sweep printed at its end; seqloom sweep list "
        "shows those below runs."
    )


def counted(trials: Sequence[Trial]) -> dict[str, int]:
    """Return the number of trials in each state that occurs."""
    states = [trial.state for trial in trials]
    return {state: states.count(state) for state in STATES if state in states}


def states_text(counts: Mapping[str, int]) -> str:
    """Return numbers of trials by state as text.

    >>> states_text({"done": 4, "failed": 1})
    '4 done, 1 failed'
    """
    return ", ".join(f"{count} {state}" for state, count in counts.items())


def status(folder: Path, trials: Sequence[Trial]) -> str:
    """Return the progress of a sweep: ``2 done, 1 not started of 3``.

    Args:
        folder: Folder of the sweep.
        trials: All trials of the sweep.
    """
    from seqloom.train.lease import holder

    total = max(len(trials), read_plan(folder, strict=False).expected)
    if not total:
        return "No trials yet"
    counts = counted(trials)
    to_come = counts.pop("waiting", 0) + total - len(trials)
    if to_come:  # they start only while a process leads the sweep
        counts["waiting" if holder(folder) else "not started"] = to_come
    return f"{states_text(counts)} of {total}"


def is_finite(value: object) -> bool:
    """Return whether a value of a record is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _finite(metrics: object) -> dict[str, dict[str, float]]:
    return {
        split: {name: value for name, value in _mapping(values).items() if is_finite(value)}
        for split, values in _mapping(metrics).items()
    }


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _pair(word: str) -> tuple[str, str]:
    """Return the key and the value of an override; a deleted key has the value ``~``."""
    if word.startswith("~"):
        return word[1:].partition("=")[0], "~"
    key, _, value = word.lstrip("+").partition("=")
    return key, value


def _is_no_setting(key: str) -> bool:
    return key in _NO_SETTINGS or key.startswith(("hydra.", "hydra/"))
