"""What all our sweepers share: a plan on disk, trials by their numbers, and a sweep's end."""

from __future__ import annotations

import logging
import sys
import time
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from seqloom.config.compose import quoted
from seqloom.config.explain import explain
from seqloom.errors import ConfigError, RunError
from seqloom.sweep.applicable import Applicable
from seqloom.sweep.ledger import read_trials
from seqloom.sweep.plan import Plan, Planned, has_plan, read_plan
from seqloom.sweep.progress import following
from seqloom.sweep.shares import tidy
from seqloom.sweep.show import sum_up
from seqloom.train.folder import RunFolder
from seqloom.train.lease import Lease, end_process
from seqloom.train.record import record_refusal
from seqloom.train.watch import announce

log = logging.getLogger("seqloom")

OWN = ("run_dir=", "resume=", "hydra.mode=", "hydra.sweeper.attempts=")
"""Words of a command that are of this process alone."""

MAY_CHANGE = (
    "hydra/launcher=",
    "hydra.launcher.",
    "hydra.sweeper.n_trials=",
    "hydra.sweeper.n_jobs=",
)
"""Words that say where a sweep runs and how far it goes: a sweep that goes on may have others."""

POOLS = ("joblib", "loky", "submitit")
"""Whose errors say that a worker or a job was killed, not that a trial failed."""

PATIENCE = 10.0
"""Seconds without news after which jobs that have not begun count as gone with their launcher.

If one begins all the same, the lease on its folder sees to it that it is run once.
"""

POLL = 0.5
"""Seconds between two looks at trials that are waited for."""


class PlannedSweeper(Sweeper):
    """Writes down what it will do before it does it, so that another process can finish it.

    Args:
        params: what to sweep over, by key, besides the words of the command line.
        attempts: a trial that failed is tried anew, when the sweep is resumed, until it has been
            tried so often.

    Attributes:
        plan: the sweep's.
        applicable: says which keys apply to a point.
    """

    kind = "grid"

    def __init__(self, params: dict[str, Any] | None = None, attempts: int = 3) -> None:
        super().__init__()
        self.params = dict(params or {})
        self.attempts = attempts

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Take what Hydra gives."""
        self.config: DictConfig = config
        self.applicable = Applicable(hydra_context.config_loader, config)
        self.launcher: Launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    @abstractmethod
    def run(self, arguments: list[str], resuming: bool) -> None:
        """Plan and launch trials until the sweep is done.

        Args:
            arguments: the overrides to sweep over, those of ``params`` before those of the command.
            resuming: whether the plan was begun by another process.
        """

    def settings(self) -> dict[str, Any]:
        """Return what the plan is to say of the sweeper."""
        return {}

    def sweep(self, arguments: list[str]) -> None:
        """Run the sweep.

        Raises:
            SeqloomError: it cannot be planned, the folder holds another sweep, or trials failed.
        """
        folder = Path(self.config.hydra.sweep.dir).absolute()
        if self.config.hydra.launcher.get("n_jobs") == 0:
            raise ConfigError("hydra.launcher.n_jobs=0: expected 1 or more, or -1 for every core.")
        words = [word for word in arguments if not word.startswith(OWN)]
        try:
            with Lease(folder, when_lost=lambda: end_process(folder)), announce():
                resuming = self._take(folder)
                params = [f"{key}={value}" for key, value in self.params.items()]
                self.run([*params, *words], resuming)
        except BaseException:
            if hasattr(self, "plan") and has_plan(folder):
                sum_up(folder)
                print(f"To go on: seqloom sweep resume {folder}", file=sys.stderr)
            else:
                with suppress(OSError):  # nothing was begun there
                    folder.rmdir()
            raise
        else:
            sum_up(folder)
        finally:
            tidy(str(folder))
        trials = read_trials(folder)
        failed = sum(trial.state not in {"done", "pruned", "running"} for trial in trials)
        if failed:
            raise RunError(
                f"{failed} of {len(trials)} trials did not succeed. To try them again: "
                f"seqloom sweep resume {folder}"
            )

    def parse(self, arguments: Sequence[str]) -> list[Override]:
        """Return the arguments as Hydra reads them.

        Raises:
            ConfigError: one cannot be read.
        """
        try:
            return self.applicable.parser.parse_overrides(list(arguments))
        except HydraException as fault:
            raise explain(fault) from fault

    def launch(self, planned: Sequence[Planned]) -> None:
        """Run trials by the launcher that the user chose; return when all of them have ended.

        Where a worker was killed under its trial, which takes its neighbours along, the others are
        run first and those that were killed one by one: a trial that kills its own process, since
        it needs more memory than there is, then fails alone.

        Raises:
            RunError: the launcher broke down before any trial began.
        """
        suspects: list[Planned] = []
        todo = list(planned)
        while todo:
            broken = self._launch_once(todo)
            states = {trial.number: trial.state for trial in read_trials(self.plan.folder)}
            killed = [one for one in todo if states.get(one.number) == "killed"]
            waiting = [one for one in todo if states.get(one.number) in {None, "waiting"}]
            if broken and not killed and waiting == todo:
                raise RunError(f"No trial began: {broken}")
            suspects += killed
            todo = waiting
        for one in suspects:
            log.warning("[%d] was killed from outside: tried again, alone.", one.number)
            if self._launch_once([one]):
                self._give_up(one)

    def _launch_once(self, planned: Sequence[Planned]) -> str:
        """Launch trials and wait for them; return what the launcher said if it broke down."""
        self._announce(planned)
        jobs = [self._job(one) for one in planned]
        with following(self.plan):
            try:
                self.launcher.launch(jobs, initial_job_idx=planned[0].number)
            except Exception as fault:
                if not type(fault).__module__.startswith(POOLS):
                    raise
                self._wait_for(planned)
                return f"{type(fault).__name__}: {fault}"
        return ""

    def _announce(self, planned: Sequence[Planned]) -> None:
        """Say which trials come; the launcher itself would number them anew each time."""
        every = [set(one.overrides) for one in self.plan.trials]
        same = set.intersection(*every) if len(every) > 1 else set()
        for one in planned:
            words = [word for word in one.overrides if word not in same]
            log.info("[%d] %s", one.number, " ".join(words))

    def _wait_for(self, planned: Sequence[Planned]) -> None:
        """Wait for the trials that go on although the launcher has given up on them.

        Joblib takes all its workers along; jobs of submitit go on, and those that wait may begin.
        """
        numbers = {one.number for one in planned}
        news = time.monotonic()
        before: dict[int, str] = {}
        while time.monotonic() - news < PATIENCE:
            trials = [one for one in read_trials(self.plan.folder) if one.number in numbers]
            states = {one.number: one.state for one in trials}
            if states != before or "running" in states.values():
                news, before = time.monotonic(), states
            if not {"running", "waiting"} & set(states.values()):
                return
            time.sleep(POLL)

    def _give_up(self, one: Planned) -> None:
        folder = RunFolder(self.plan.folder / str(one.number))
        error = "Its process was killed, also when it ran alone. Perhaps memory ran out."
        log.warning("[%d] Error: %s", one.number, error)
        with suppress(RunError), Lease(folder.path):
            record_refusal(folder, error, one.overrides)

    def _job(self, one: Planned) -> list[str]:
        return [
            *one.overrides,
            f"hydra.sweep.dir={quoted(self.plan.folder)}",
            f"hydra.sweep.subdir='{one.number}'",
            f"hydra.job_logging.formatters.simple.format='[{one.number}] %(message)s'",
        ]

    def unfinished(self) -> list[Planned]:
        """Return the planned trials that are still to be run; says which failed for good.

        A trial that runs elsewhere at this moment is left to whoever runs it.
        """
        trials = {trial.number: trial for trial in read_trials(self.plan.folder)}
        found = []
        for one in self.plan.trials:
            trial = trials[one.number]
            if trial.state == "running":
                log.warning("Trial %d is being run by another process: left to it.", one.number)
            elif trial.state == "failed" and trial.failures >= self.attempts:
                log.warning(
                    "Trial %d failed %d times and is not tried again. For more tries: "
                    "seqloom sweep resume %s --attempts N",
                    one.number,
                    trial.failures,
                    self.plan.folder,
                )
            elif trial.state not in {"done", "pruned"}:
                found.append(one)
        # One that was killed may kill again, and the sweep with it: let the others be done first.
        return sorted(found, key=lambda one: trials[one.number].state == "killed")

    def _take(self, folder: Path) -> bool:
        """Take up the folder's plan, or begin one; return whether there was one.

        Raises:
            RunError: the folder holds a sweep, and this one must not or cannot go on with it.
        """
        overrides = self.config.hydra.overrides
        words = [*overrides.hydra, *overrides.task]
        command = [word for word in words if not word.startswith(OWN)]
        if not has_plan(folder):
            runs = [path.name for path in folder.iterdir() if path.name.isdigit()]
            if runs or RunFolder(folder).config.exists():
                what = "runs" if runs else "a run"
                raise RunError(f"{folder} already holds {what}. Choose another run_dir.")
            cwd, flags = str(Path.cwd()), self._flags()
            self.plan = Plan(folder, self.kind, command, cwd, flags, self.settings())
            return False
        if self.config.resume != "auto":
            raise RunError(
                f"{folder} already holds a sweep. Choose another run_dir, or go on with it: "
                f"seqloom sweep resume {folder}"
            )
        self.plan = read_plan(folder)
        if _lasting(command) != _lasting(self.plan.command):
            raise RunError(
                f"{folder} holds another sweep: seqloom train -m {' '.join(self.plan.command)}. "
                "Choose another run_dir."
            )
        self.plan.command, self.plan.settings = command, self.settings()
        self.plan.save()
        return True

    def _flags(self) -> list[str]:
        """Return the flags of Hydra that say where configs are, as another process needs them."""
        hydra = self.config.hydra
        given = [one for one in hydra.runtime.config_sources if one.provider == "command-line"]
        folders = [word for one in given for word in ("--config-dir", one.path)]
        name = hydra.job.config_name
        return [*folders, *([] if name == "train" else ["--config-name", name])]


def _lasting(command: Sequence[str]) -> list[str]:
    """Return the words that make the sweep what it is."""
    return [word for word in command if not word.startswith(MAY_CHANGE)]
