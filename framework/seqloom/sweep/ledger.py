"""The ledger of a sweep: what each trial's own record says of it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from seqloom.errors import DataError

RECORD, PLAN, INDEX = "run.json", "sweep.json", "index.json"
STATES = ("done", "running", "waiting", "failed", "pruned", "interrupted", "killed", "damaged")
"""What can have become of a trial, in the order in which it is told."""

_NO_SETTINGS = ("run_dir", "resume", "callbacks.pruning")
"""Keys that say nothing of what is trained; the last one is a search's own."""


@dataclass(frozen=True)
class Trial:
    """One trial of a sweep.

    Attributes:
        folder: of the trial, named by its number.
        record: its ``run.json``; empty if there is none.
        planned: its overrides by the sweep's plan; None if no plan knows it.
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
        """What became of the trial, one of `STATES`.

        A process that was killed could not say so: its record says "running", but nobody holds
        the trial's lease.
        """
        if not self.record:
            return "waiting"
        said = str(self.record.get("state"))
        if said != "running":
            return said if said in STATES else "damaged"
        from seqloom.train.lease import holder

        return "running" if holder(self.folder) else "killed"

    @property
    def done(self) -> bool:
        """Whether the trial ended well."""
        return self.state == "done"

    @property
    def failures(self) -> int:
        """How many of its attempts failed by themselves; not those that were broken off."""
        history = self.record.get("history")
        entries = history if isinstance(history, list) else []
        return sum(isinstance(one, dict) and one.get("state") == "failed" for one in entries)

    @property
    def metrics(self) -> Mapping[str, Mapping[str, float]]:
        """The final metrics by split and name; those that are no finite number are left out."""
        found = _mapping(self.record.get("metrics"))
        return {
            split: {name: value for name, value in _mapping(values).items() if is_number(value)}
            for split, values in found.items()
        }

    @property
    def monitor(self) -> str | None:
        """The metric that the trial goes by; None as long as it is not known."""
        found = self.record.get("monitor")
        return found if isinstance(found, str) else None

    @property
    def seed(self) -> str | None:
        """The seed as text; None if neither the record nor the overrides name it."""
        found = self.record.get("seed")
        return self.overrides().get("seed") if found is None else str(found)

    def overrides(self) -> dict[str, str]:
        """Return the values that were set, as text, by key: the seed included."""
        given = self.record.get("overrides")
        words = given if isinstance(given, list) else self.planned or []
        return {key: value for key, value in map(_pair, map(str, words)) if not _is_no_setting(key)}

    def value(self, split: str, name: str) -> float | None:
        """Return a final metric; None if the trial is not done or has none."""
        return self.metrics.get(split, {}).get(name) if self.done else None

    def score(self) -> float | None:
        """Return the monitored metric on the validation split, higher being better; None: none."""
        value = self.value("val", self.monitor or "")
        return (
            -value if value is not None and self.record.get("higher_is_better") is False else value
        )


def read_trials(folder: Path) -> list[Trial]:
    """Return the trials of a sweep in the order of their numbers, those to come included.

    Folders named by digits are trials, with or without a plan. What is missing or damaged in one
    shows in its state.

    Raises:
        DataError: there is no such folder.
    """
    try:
        there = [path.name for path in folder.iterdir() if path.is_dir()]
    except OSError as fault:
        raise DataError(
            f"{folder} cannot be read as a sweep: {fault.strerror or fault}. Name the folder that "
            "a sweep printed at its end; seqloom sweep list shows those below runs."
        ) from fault
    planned = planned_overrides(read_plan(folder))
    found = [int(name) for name in there if name.isdecimal() and name == str(int(name))]
    numbers = sorted({*found, *planned})
    return [read_trial(folder / str(number), planned.get(number)) for number in numbers]


def read_trial(folder: Path, planned: list[str] | None = None) -> Trial:
    """Return the trial of a folder, which need not exist yet."""
    path = folder / RECORD
    try:
        record = json.loads(path.read_bytes())
    except FileNotFoundError:
        return Trial(folder, {}, planned)
    except (OSError, ValueError) as fault:
        return Trial(folder, {"state": "damaged", "error": f"{path}: {fault}"}, planned)
    if not isinstance(record, dict) or not record:
        record = {"state": "damaged", "error": f"{path} holds no record of a run"}
    return Trial(folder, record, planned)


def read_plan(folder: Path) -> Mapping[str, Any]:
    """Return what ``sweep.json`` says; empty if there is none that can be read."""
    try:
        return _mapping(json.loads((folder / PLAN).read_bytes()))
    except (OSError, ValueError):
        return {}


def planned_overrides(plan: Mapping[str, Any]) -> dict[int, list[str]]:
    """Return the overrides of each trial that a plan names, by number."""
    trials = plan.get("trials")
    entries = [_mapping(entry) for entry in trials] if isinstance(trials, list) else []
    return {
        entry["number"]: [str(word) for word in entry.get("overrides") or ()]
        for entry in entries
        if isinstance(entry.get("number"), int) and entry["number"] >= 0
    }


def is_sweep(folder: Path) -> bool:
    """Return whether a folder holds a sweep, rather than a run or something else."""
    if (folder / INDEX).is_file() or (folder / PLAN).is_file():
        return True
    return not (folder / RECORD).exists() and any(
        path.parent.name.isdecimal() for path in folder.glob(f"*/{RECORD}")
    )


def open_sweep(folder: Path) -> list[Trial]:
    """Return the trials of a folder that must be a sweep's.

    Raises:
        DataError: it is none.
    """
    trials = read_trials(folder)
    if is_sweep(folder):
        return trials
    if (folder / RECORD).exists():
        raise DataError(
            f"{folder} is a single run, where the folder of a sweep is expected; its report is "
            f"{folder / 'report.html'}."
        )
    raise DataError(
        f"{folder} holds no sweep: neither {PLAN} nor trials with a {RECORD} are in it. Name the "
        "folder that a sweep printed at its end; seqloom sweep list shows those below runs."
    )


def counted(trials: Sequence[Trial]) -> dict[str, int]:
    """Return how many trials there are of each state that occurs."""
    states = [trial.state for trial in trials]
    return {state: states.count(state) for state in STATES if state in states}


def is_number(value: object) -> bool:
    """Return whether a value of a record is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _pair(word: str) -> tuple[str, str]:
    """Return the key and the value of an override; what is taken out has the value ``~``."""
    if word.startswith("~"):
        return word[1:].partition("=")[0], "~"
    key, _, value = word.lstrip("+").partition("=")
    return key, value


def _is_no_setting(key: str) -> bool:
    return key in _NO_SETTINGS or key.startswith(("hydra.", "hydra/"))
