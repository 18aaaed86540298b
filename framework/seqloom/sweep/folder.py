"""The folder of a sweep: its file names, and its plan, written before the first trial starts."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from seqloom.errors import DataError, RunError, printable, shortened
from seqloom.files import finite, read_json, write_json
from seqloom.seal import KEY, is_changed, sealed
from seqloom.train.folder import SWEEP_PLAN, RunFolder
from seqloom.train.foreign_link import refuse_foreign_link

VERSION = 1


@dataclass(frozen=True)
class SweepFolder:
    """The folder that holds all there is to know of a sweep. Each trial's folder is a run's."""

    path: Path

    @property
    def plan(self) -> Path:
        """The command, and the overrides of each trial."""
        return self.path / SWEEP_PLAN

    @property
    def index(self) -> Path:
        """A summary of the trials' records."""
        return self.path / "index.json"

    @property
    def preempted(self) -> Path:
        """The file by which a sweep tells its trials that they are to end; removed at the start."""
        return self.path / "preempted"

    def trial(self, number: int) -> RunFolder:
        """Return the folder of a trial, which need not exist yet."""
        return RunFolder(self.path / str(number))

    def numbers(self) -> list[int]:
        """Return the numbers of the trials that have a folder, in order.

        Raises:
            OSError: the sweep's folder cannot be read.
        """
        names = [path.name for path in self.path.iterdir() if path.is_dir()]
        return sorted(int(name) for name in names if name.isdecimal() and name == str(int(name)))

    def is_sweep(self) -> bool:
        """Return whether the folder holds a sweep, rather than a run or something else."""
        if self.index.is_file() or self.plan.is_file():
            return True
        record = RunFolder(self.path).record
        return not record.exists() and any(
            path.parent.name.isdecimal() for path in self.path.glob(f"*/{record.name}")
        )


@dataclass(frozen=True)
class PlannedTrial:
    """A trial of the plan.

    Attributes:
        number: Number of the trial, which names its folder.
        overrides: Overrides of its config, as on a command line, including the sweep's fixed ones.
        extra: State that the sweeper keeps with the trial.
    """

    number: int
    overrides: list[str]
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass
class Plan:
    """The trials of a sweep and the command that started it. Only one process changes a plan.

    Attributes:
        folder: Folder of the sweep.
        kind: Kind of sweeper: ``grid``, ``optuna``.
        command: Words of ``seqloom train`` after ``-m``, without those for the folder and resume.
        cwd: Working directory of the command; relative paths in it are relative to this.
        flags: Hydra flags that say where configs are.
        settings: Settings of the sweeper.
        created: Time of creation, as ISO 8601.
        trials: Planned trials in the order of their numbers.
        expected: Number of trials there will be where not all are planned at once; else 0.
        job: Name of the batch job that wrote it; empty outside of Slurm.
    """

    folder: Path
    kind: str
    command: list[str]
    cwd: str
    flags: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    created: str = field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%S%z"))
    trials: list[PlannedTrial] = field(default_factory=list)
    expected: int = 0
    job: str = ""

    def add(self, overrides: list[str], extra: dict[str, Any] | None = None) -> PlannedTrial:
        """Plan one more trial; it counts once the plan is saved."""
        self.trials.append(PlannedTrial(len(self.trials), overrides, extra or {}))
        return self.trials[-1]

    def save(self) -> None:
        """Write the plan atomically."""
        content = {"version": VERSION, **asdict(self)}
        del content["folder"]
        refuse_foreign_link(SweepFolder(self.folder).plan)
        write_json(SweepFolder(self.folder).plan, sealed(finite(content)))

    @property
    def has_several_objectives(self) -> bool:
        """Whether the sweep is a search with several objectives, so that no point is the best."""
        objectives = self.settings.get("objectives")
        return isinstance(objectives, dict) and len(objectives) > 1


def read_plan(folder: Path, *, strict: bool = True) -> Plan:
    """Return a sweep's plan.

    Args:
        folder: Folder of the sweep.
        strict: Whether the plan is needed in full, to continue the sweep. If false, as much is
            returned as can be read, to show the sweep.

    Raises:
        RunError: ``strict``, and there is no plan, or it is damaged, changed or of a later version.
    """
    path = SweepFolder(folder).plan
    if not strict:
        try:
            return _partial_plan(folder, read_json(path))
        except (OSError, DataError):
            return _partial_plan(folder, {})
    try:
        stored = read_json(path)
        changed = is_changed(stored)
        stored.pop(KEY, None)
        version = stored.pop("version")
        if version == VERSION:
            if changed:
                raise _changed_plan(folder)
            trials = [PlannedTrial(**trial) for trial in stored.pop("trials")]
            return _checked(Plan(folder=folder, trials=trials, **stored))
    except FileNotFoundError:
        if RunFolder(folder).record.exists():
            raise RunError(
                f"{folder} is a single run, not a sweep. To resume it, repeat its seqloom train "
                f"command with run_dir={folder} and resume=auto."
            ) from None
        raise RunError(
            f"{folder} does not hold a sweep: it has no {path.name}. Pass a folder that "
            "seqloom train -m wrote."
        ) from None
    except DataError as error:
        raise RunError(f"{error} The plan of the sweep is damaged. {_remedy(folder)}") from error
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (TypeError, LookupError, AttributeError) as error:
        raise damaged_plan(folder, error) from error
    raise RunError(
        f"{path} has version {printable(shortened(str(version), 40))}; this seqloom reads version "
        f"{VERSION}."
    )


def damaged_plan(folder: Path, error: Exception) -> RunError:
    """Return the error of a sweep whose plan is not one, given the error that came of that."""
    return RunError(
        f"{SweepFolder(folder).plan} is damaged: it does not hold the plan of a sweep "
        f"({type(error).__name__}: {printable(shortened(str(error), 200))}). {_remedy(folder)}"
    )


def _changed_plan(folder: Path) -> RunError:
    return RunError(
        f"{SweepFolder(folder).plan} was changed after seqloom wrote it. If that was intended, "
        f"remove the field {KEY!r} from it; otherwise it is damaged. {_remedy(folder)}"
    )


def _checked(plan: Plan) -> Plan:
    """Return a plan whose values have their types.

    Raises:
        TypeError: One has not.
    """
    texts = [plan.kind, plan.cwd, plan.created, plan.job, *plan.command, *plan.flags]
    words = [word for one in plan.trials for word in one.overrides]
    if not all(isinstance(one, str) for one in [*texts, *words]):
        raise TypeError("a text is something else")
    if not all(isinstance(one.number, int) and one.number >= 0 for one in plan.trials):
        raise TypeError("the number of a trial is something else")
    lists = [plan.command, plan.flags, *(one.overrides for one in plan.trials)]
    if not all(isinstance(one, list) for one in lists):
        raise TypeError("a list is something else")
    if not isinstance(plan.settings, dict) or not isinstance(plan.expected, int):
        raise TypeError("settings or expected is something else")
    return plan


def _remedy(folder: Path) -> str:
    """Return what to do about a damaged plan, which the trials do not need."""
    return (
        f"Its trials can be used: seqloom sweep show {folder}, seqloom inspect {folder / '0'}. To "
        "finish the sweep, restore the file from a copy, or start seqloom train -m again with "
        "another run_dir."
    )


def _partial_plan(folder: Path, stored: object) -> Plan:
    """Return a plan of the values that have their expected types, and of defaults for others."""
    values = stored if isinstance(stored, dict) else {}
    command, settings = _words(values.get("command")), values.get("settings")
    expected, trials = values.get("expected"), values.get("trials")
    return Plan(
        folder,
        kind=str(values.get("kind", "")),
        command=command,
        cwd=str(values.get("cwd", "")),
        settings=settings if isinstance(settings, dict) else {},
        created=str(values.get("created") or ""),
        trials=[
            PlannedTrial(trial["number"], _words(trial.get("overrides")))
            for trial in (trials if isinstance(trials, list) else [])
            if isinstance(trial, dict) and isinstance(trial.get("number"), int)
            if trial["number"] >= 0
        ],
        expected=expected if isinstance(expected, int) else 0,
    )


def _words(value: object) -> list[str]:
    """Return the words of a command; none if it is something else than a list."""
    return [str(word) for word in value] if isinstance(value, list) else []
