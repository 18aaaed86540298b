"""The base of all sweepers: a plan on disk, which another process can finish."""

from __future__ import annotations

import logging
import sys
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

from seqloom.config.hydra_errors import explain
from seqloom.errors import Cause, ConfigError, RunError, plural
from seqloom.slurm import BatchJob
from seqloom.sweep.folder import Plan, PlannedTrial, SweepFolder, read_plan
from seqloom.sweep.launching import TrialLauncher
from seqloom.sweep.override_filter import OverrideFilter
from seqloom.sweep.shares import tidy
from seqloom.sweep.show import finish
from seqloom.sweep.trials import read_trials
from seqloom.train import preemption
from seqloom.train.folder import RunFolder
from seqloom.train.lease import locked
from seqloom.train.watch import naming_sweep

log = logging.getLogger("seqloom")

SWEEP_OVERRIDES = ("run_dir=", "resume=", "hydra.mode=", "hydra.sweeper.attempts=")
"""Starts of the words of a command that mean the sweep, and are not passed to its trials.

With ``-m``, ``run_dir`` is the sweep's folder and ``resume`` says whether its plan is continued.
Each trial has a folder of its own and ``resume=auto``; see `set_what_hydra_knows`.
"""

LAUNCH_OVERRIDES = (
    "hydra/launcher=",
    "hydra.launcher.",
    "hydra.sweeper.n_trials=",
    "hydra.sweeper.n_jobs=",
)
"""Starts of the words that say where and how far a sweep runs, which may change on resuming."""


class PlannedSweeper(Sweeper):
    """Writes a plan before it runs trials, so that another process can finish the sweep.

    Args:
        params: Overrides to sweep over, by key, in addition to those of the command line.
        attempts: Maximum number of attempts at a trial that fails, if the sweep is resumed.

    Attributes:
        plan: Plan of the sweep.
        override_filter: Filter that drops the overrides that do not apply to a point.
    """

    kind = "grid"

    def __init__(self, params: dict[str, Any] | None = None, attempts: int = 3) -> None:
        super().__init__()
        self.params = dict(params or {})
        self.max_attempts = attempts

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Store the config and the launcher; called by Hydra."""
        self.config: DictConfig = config
        self.callbacks = hydra_context.callbacks
        self.override_filter = OverrideFilter(hydra_context.config_loader, config)
        self.launcher: Launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    @abstractmethod
    def run(self, arguments: list[str], resuming: bool) -> None:
        """Plan and launch trials until the sweep is done.

        Args:
            arguments: All overrides, swept and fixed, those of ``params`` before those of the
                command.
            resuming: Whether another process started the plan.
        """

    def settings(self) -> dict[str, Any]:
        """Return the settings of the sweeper that the plan stores."""
        return {}

    def sweep(self, arguments: list[str]) -> None:
        """Run the sweep, then print its leaderboard.

        Raises:
            SeqloomError: The sweep cannot be planned, its folder is in use, or trials failed.
        """
        folder = Path(self.config.hydra.sweep.dir).absolute()
        if self.config.hydra.launcher.get("n_jobs") == 0:
            raise ConfigError("hydra.launcher.n_jobs=0: expected 1 or more, or -1 for every core.")
        words = [word for word in arguments if not word.startswith(SWEEP_OVERRIDES)]
        for override in self.parse([word for word in arguments if word not in words]):
            if override.is_sweep_override():
                raise ConfigError(
                    f"{override.input_line}: this applies to the whole sweep, so it takes one "
                    "value. Each trial has a folder of its own in that of the sweep.",
                    cause=Cause.several_values,
                )
        try:
            with (
                preemption.handled(),
                locked(folder),
                preemption.passing_on(SweepFolder(folder).preempted),
                naming_sweep(),
            ):
                resuming = self._open(folder)
                params = [f"{key}={value}" for key, value in self.params.items()]
                self.run([*params, *words], resuming)
        except BaseException:
            if hasattr(self, "plan") and SweepFolder(folder).plan.exists():
                finish(folder)
                print(f"To continue: seqloom sweep resume {folder}", file=sys.stderr)
            else:
                with suppress(OSError):  # remove an empty folder
                    folder.rmdir()
            raise
        else:
            finish(folder)
        finally:
            tidy(str(folder))
        trials = read_trials(folder)
        failed = sum(trial.state not in {"done", "pruned", "running"} for trial in trials)
        if failed:
            # Hydra itself does this only after a sweep that does not raise.
            name = self.config.hydra.job.config_name
            self.callbacks.on_multirun_end(config=self.config, config_name=name)
            raise RunError(
                f"{failed} of {len(trials)} {plural(len(trials), 'trial')} did not succeed. To try "
                f"them again: seqloom sweep resume {folder}",
                cause=Cause.trials_failed,
            )

    def parse(self, arguments: Sequence[str]) -> list[Override]:
        """Return the arguments as Hydra parses them.

        Raises:
            ConfigError: An argument cannot be parsed, or stands for no value.
        """
        try:
            parsed = self.override_filter.parser.parse_overrides(list(arguments))
        except HydraException as error:
            raise explain(error) from error
        for override in parsed:
            _refuse_no_value(override)
        return parsed

    def launch(self, planned: Sequence[PlannedTrial]) -> None:
        """Run trials and return when all of them have ended; see `TrialLauncher.launch`."""
        TrialLauncher(self.launcher, self.plan).launch(planned)

    def unfinished(self) -> list[PlannedTrial]:
        """Return the planned trials that are left to run; logs which will not be tried again.

        A trial that another process is running is not among them.
        """
        trials = {trial.number: trial for trial in read_trials(self.plan.folder)}
        found = []
        for one in self.plan.trials:
            trial = trials[one.number]
            if trial.state == "running":
                log.warning("Trial %d is skipped: another process is running it.", one.number)
            elif trial.state == "failed" and trial.failures >= self.max_attempts:
                log.warning(
                    "Trial %d failed %d %s and is not tried again. For more attempts: "
                    "seqloom sweep resume %s --attempts N",
                    one.number,
                    trial.failures,
                    plural(trial.failures, "time"),
                    self.plan.folder,
                )
            elif trial.state not in {"done", "pruned"}:
                found.append(one)
        # A trial that was killed may be killed again and end the sweep, so it comes last.
        return sorted(found, key=lambda one: trials[one.number].state == "killed")

    def _open(self, folder: Path) -> bool:
        """Read the folder's plan, or start one; return whether there was one.

        Raises:
            RunError: The folder holds a sweep that this one must not or cannot continue.
        """
        overrides = self.config.hydra.overrides
        words = [*overrides.hydra, *overrides.task]
        command = [word for word in words if not word.startswith(SWEEP_OVERRIDES)]
        if not SweepFolder(folder).plan.exists():
            runs = [path.name for path in folder.iterdir() if path.name.isdigit()]
            if runs or RunFolder(folder).config_file.exists():
                what = "runs" if runs else "a run"
                raise RunError(
                    f"{folder} already holds {what}. Choose another run_dir.",
                    cause=Cause.folder_has_run,
                )
            cwd, flags = str(Path.cwd()), self._flags()
            self.plan = Plan(folder, self.kind, command, cwd, flags, self.settings(), job=_job())
            return False
        if self.config.resume != "auto" and not _by_this_job(folder):
            raise RunError(
                f"{folder} already holds a sweep. Choose another run_dir, or continue it: "
                f"seqloom sweep resume {folder}",
                cause=Cause.folder_has_run,
            )
        self.plan = read_plan(folder)
        if _fixed(command) != _fixed(self.plan.command):
            raise RunError(
                f"{folder} holds another sweep: seqloom train -m {' '.join(self.plan.command)}. "
                "Choose another run_dir.",
                cause=Cause.folder_has_run,
            )
        self.plan.command, self.plan.settings = command, self.settings()
        self.plan.save()
        return True

    def _flags(self) -> list[str]:
        """Return the Hydra flags that say where configs are, for the process that resumes."""
        hydra = self.config.hydra
        given = [one for one in hydra.runtime.config_sources if one.provider == "command-line"]
        folders = [word for one in given for word in ("--config-dir", one.path)]
        name = hydra.job.config_name
        return [*folders, *([] if name == "train" else ["--config-name", name])]


def _job() -> str:
    job = BatchJob.current()
    return job.name if job else ""


def _by_this_job(folder: Path) -> bool:
    """Return whether this very batch job wrote the plan before it was requeued."""
    job = _job()
    if not job or read_plan(folder).job != job:
        return False
    log.info("Slurm job %s has written %s: resume=auto", job, folder)
    return True


def _fixed(command: Sequence[str]) -> list[str]:
    """Return the words that must not change when the sweep is resumed."""
    return [word for word in command if not word.startswith(LAUNCH_OVERRIDES)]


def _refuse_no_value(override: Override) -> None:
    """Refuse an override that is swept over no value, of which no trial would be made.

    Raises:
        ConfigError: A range ends where it starts or has steps of 0, or a glob matches nothing.
    """
    if not override.is_discrete_sweep():
        return
    try:
        found = any(True for _ in override.sweep_iterator())
    except (ValueError, HydraException):  # of ranges with steps of 0
        found = False
    if not found:
        raise ConfigError(
            f"{override.input_line} stands for no value at all. range(START,STOP,STEP) ends before "
            "STOP, with a step that is not 0; glob(PATTERN) must match an option.",
            cause=Cause.no_value,
        )
