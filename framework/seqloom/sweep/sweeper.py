"""What all our sweepers share: a plan on disk, trials by their numbers, and a sweep's end."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from seqloom.config.explain import explain
from seqloom.config.words import quoted
from seqloom.errors import RunError
from seqloom.sweep.applicable import Applicable
from seqloom.sweep.ledger import read_trials
from seqloom.sweep.plan import Plan, Planned, has_plan, read_plan
from seqloom.sweep.progress import following
from seqloom.train.lease import Lease
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

ROUNDS = 3
"""How often trials are launched whose process was killed under them (for want of memory, say)."""


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
            SeqloomError: it cannot be planned, or the folder holds another sweep.
        """
        folder = Path(self.config.hydra.sweep.dir).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        words = [word for word in arguments if not word.startswith(OWN)]
        with Lease(folder), announce():
            resuming = self._take(folder)
            params = [f"{key}={value}" for key, value in self.params.items()]
            try:
                self.run([*params, *words], resuming)
            except KeyboardInterrupt:
                log.warning("Interrupted. To go on: seqloom sweep resume %s", folder)
                raise

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
        """Run trials by the launcher that the user chose; return when all of them have ended."""
        todo = list(planned)
        for _ in range(ROUNDS):
            if not todo:
                return
            with following(self.plan):
                broken = self._launch_once(todo)
            states = {trial.number: trial.state for trial in read_trials(self.plan.folder)}
            todo = [one for one in todo if states.get(one.number) in {None, "waiting", "killed"}]
            if not broken:
                return
            log.warning("%s", broken)
        if todo:
            raise RunError(f"{broken} {len(todo)} trials did not end. {_how_on(self.plan.folder)}")

    def _launch_once(self, planned: Sequence[Planned]) -> str:
        """Launch trials; return what killed a worker under them, if something did."""
        jobs = [self._job(one) for one in planned]
        try:
            self.launcher.launch(jobs, initial_job_idx=planned[0].number)
        except RuntimeError as fault:  # what pools of processes raise
            if not any(word in type(fault).__name__ for word in ("Terminated", "Broken")):
                raise
            return "A worker was killed from outside, perhaps since memory ran out."
        return ""

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
            if trial.state in {"done", "pruned"} or "same_as" in one.extra:
                continue
            if trial.state == "running":
                log.warning("Trial %d is being run by another process: left to it.", one.number)
            elif trial.state == "failed" and trial.record.get("attempts", 1) >= self.attempts:
                log.warning(
                    "Trial %d failed %d times and is not tried again. For more tries: "
                    "seqloom sweep resume %s --attempts N",
                    one.number,
                    trial.record["attempts"],
                    self.plan.folder,
                )
            else:
                found.append(one)
        return found

    def _take(self, folder: Path) -> bool:
        """Take up the folder's plan, or begin one; return whether there was one.

        Raises:
            RunError: the folder holds a sweep, and this one must not or cannot go on with it.
        """
        overrides = self.config.hydra.overrides
        words = [*overrides.hydra, *overrides.task]
        command = [word for word in words if not word.startswith(OWN)]
        if not has_plan(folder):
            if any(path.name.isdigit() for path in folder.iterdir()):
                raise RunError(f"{folder} already holds runs. Choose another run_dir.")
            cwd = str(Path.cwd())
            self.plan = Plan(folder, self.kind, command, cwd, self.settings())
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
        return True


def _lasting(command: Sequence[str]) -> list[str]:
    """Return the words that make the sweep what it is."""
    return [word for word in command if not word.startswith(MAY_CHANGE)]


def _how_on(folder: Path) -> str:
    return f"To go on: seqloom sweep resume {folder}; see {folder}/N/train.log for what they said."
