"""A sweep's plan: which trials there are to be, written before the first one starts."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from seqloom.errors import RunError
from seqloom.files import write_json

VERSION = 1
FILE = "sweep.json"


@dataclass(frozen=True)
class Planned:
    """A trial to be run.

    Attributes:
        number: names its folder.
        overrides: of its config, as on a command line; the sweep's fixed ones among them.
        extra: what the sweeper that planned it wants to know again.
    """

    number: int
    overrides: list[str]
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass
class Plan:
    """What a sweep is to do; one process alone changes it.

    Attributes:
        folder: of the sweep.
        kind: of the sweeper: ``grid``, ``optuna``.
        command: the words of ``seqloom train`` behind ``-m``, but for folder and resume.
        cwd: where it was given; relative paths in it are relative to that.
        flags: of Hydra, that say where configs are.
        settings: of the sweeper.
        created: when, as ISO 8601.
        trials: in the order of their numbers.
        expected: how many trials there will be, where not all are planned at once; else 0.
    """

    folder: Path
    kind: str
    command: list[str]
    cwd: str
    flags: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    created: str = field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%S%z"))
    trials: list[Planned] = field(default_factory=list)
    expected: int = 0

    def add(self, overrides: list[str], extra: dict[str, Any] | None = None) -> Planned:
        """Plan one more trial; it counts once the plan is saved."""
        self.trials.append(Planned(len(self.trials), overrides, extra or {}))
        return self.trials[-1]

    def save(self) -> None:
        """Write the plan, whole or not at all."""
        content = {"version": VERSION, **asdict(self)}
        del content["folder"]
        write_json(self.folder / FILE, content)


def has_plan(folder: Path) -> bool:
    """Return whether a folder holds a planned sweep."""
    return (folder / FILE).exists()


def read_plan(folder: Path) -> Plan:
    """Return a sweep's plan.

    Raises:
        RunError: there is none, or it is damaged or of a later version.
    """
    path = folder / FILE
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        version = stored.pop("version")
        if version == VERSION:
            trials = [Planned(**trial) for trial in stored.pop("trials")]
            return Plan(folder=folder, trials=trials, **stored)
    except FileNotFoundError:
        if (folder / "run.json").exists():
            raise RunError(
                f"{folder} is a single run, no sweep. To go on with it: seqloom train with the "
                f"words it was begun with, run_dir={folder} and resume=auto."
            ) from None
        raise RunError(
            f"{folder} holds no sweep: it has no {FILE}. Name a folder that seqloom train -m wrote."
        ) from None
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as fault:
        raise RunError(f"{path} is damaged: {fault}") from fault
    raise RunError(f"{path} has version {version}; this seqloom reads version {VERSION}.")
