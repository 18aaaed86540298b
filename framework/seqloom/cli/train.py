"""``seqloom train``: Hydra composes the config and calls `task`, which freezes and runs it."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from functools import partial
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from seqloom.cli.composing import lazy_config_with_init, lazy_words_with_init
from seqloom.cli.plugins import unknown_disabled
from seqloom.cli.train_help import help_of
from seqloom.config.compose import (
    VERSION_BASE,
    disable_by,
    freeze_and_check,
    refuse_no_folder,
    refuse_sweep,
)
from seqloom.config.hydra_errors import COMPOSITION_ERRORS, explain
from seqloom.config.quoted_keys import with_plain_keys, with_quoted_keys
from seqloom.config.run_config import RunConfig
from seqloom.config.store import register_configs
from seqloom.data import is_url, local_path
from seqloom.errors import Cause, ConfigError, RunError, SeqloomError, with_code
from seqloom.files import cannot_write, explained
from seqloom.plugins.named_files import required_files
from seqloom.plugins.registry import disabling_for_one_run
from seqloom.safe_path import ignore_settings
from seqloom.sweep.folder import SweepFolder
from seqloom.sweep.preempted import run_preemptible
from seqloom.sweep.shares import own_share
from seqloom.train import preemption
from seqloom.train.folder import RunFolder
from seqloom.train.lease import Lease
from seqloom.train.ranks.group import Group, current_group, follows_by_hand
from seqloom.train.record import record_refusal
from seqloom.train.scores import scores_line
from seqloom.train.watch import die_with_sweep

COMPOSITION_MESSAGES = ("Config group override", "Only one of --run")
"""Starts of the bare ValueErrors with which Hydra reports a user's mistake."""


PRINTING = frozenset(["-h", "--help", "-c", "--cfg", "-i", "--info", "--hydra-help", "--version"])
"""Options with which nothing is trained."""


def train(arguments: list[str]) -> int:
    """Run Hydra with these arguments, and return the exit status.

    Raises:
        SeqloomError: The config cannot be composed, or the run or a trial of the sweep failed.
    """
    own = current_group()
    with disabling_for_one_run():
        return _train(arguments) if own is None else _train_jointly(own, arguments)


def _train_jointly(own: Group, arguments: list[str]) -> int:
    """Train on the processes that srun or torchrun started; only the first one composes."""
    if {"-m", "--multirun"} & set(arguments) or "hydra.mode=MULTIRUN" in arguments:
        raise ConfigError(
            f"{own.by} started {own.size} processes, and each would run the whole sweep. Start "
            "seqloom train -m once; each trial gets its own processes."
        )
    if PRINTING & {word.partition("=")[0] for word in arguments}:
        return 0 if own.rank else _train(arguments)
    from seqloom.train.ranks.joint import follow, joined
    from seqloom.train.run import take_part

    with joined() as meeting:
        if meeting and own.rank:
            follow(meeting, take_part)
            return 0
        return _train(arguments)


def _train(arguments: list[str]) -> int:
    """Have Hydra compose the config, or several, and call `task`; explain its errors."""
    arguments = with_plain_keys(overrides_first(arguments))
    disable_by(arguments)
    for text in unknown_disabled():
        print(f"Warning: {text}", file=sys.stderr)
    if {"-h", "--help"} & set(arguments):
        print(help_of(arguments), end="")
        return 0
    refuse_no_folder(arguments)
    errors: list[SeqloomError] = []

    def task(composed: DictConfig) -> None:
        if HydraConfig.get().mode is RunMode.MULTIRUN:
            run_trial(composed)  # perhaps in another process; a failure is in the trial's record
            return
        try:
            run_composed(composed)
        except SeqloomError as error:  # Hydra would print its own lines about an error in a job
            errors.append(error)
        except OSError as error:
            errors.append(_explained(error))

    words = lazy_words_with_init(arguments)
    before = os.environ.get("HYDRA_FULL_ERROR")
    os.environ["HYDRA_FULL_ERROR"] = "1"  # let errors through, to be explained here
    try:
        with _folder_of_node() as own_folder, _mappings_as_written(arguments):
            sys.argv = ["seqloom train", *own_folder, *words]
            hydra_main(task)
    except COMPOSITION_ERRORS as error:
        if isinstance(error.__cause__, RunError):  # of the log, see `seqloom.train.run_log`
            raise error.__cause__ from None
        if type(error) is ValueError and not str(error).startswith(COMPOSITION_MESSAGES):
            raise
        raise explain(error) from error
    except OSError as error:  # Hydra creates the run's folder
        if error.filename is None:
            raise _explained(error) from error
        raise cannot_write(Path(str(error.filename)), error) from error
    finally:
        if before is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = before
    if errors:
        raise errors[0]
    return 0


def _explained(error: OSError) -> SeqloomError:
    """Return an error of the system in a sentence; raise it again if it is another's, a bug."""
    known = explained(error)
    if known is None:
        raise error
    return known


@contextmanager
def _folder_of_node() -> Iterator[list[str]]:
    """Yield an override that gives a process on another node than the first a folder of its own.

    Hydra makes the folder and a log there, before it is known whether the run is on several nodes.
    """
    if os.environ.get("NODE_RANK", "0") in {"", "0"}:
        yield []
        return
    with TemporaryDirectory(prefix="seqloom-") as own:

        def folder(nodes: int | None, run_dir: str) -> str:
            return own if (nodes or 1) > 1 else run_dir

        OmegaConf.register_new_resolver("folder_of_node", folder, replace=True)
        yield ["hydra.run.dir='${folder_of_node:${oc.select:trainer.num_nodes,1},${run_dir}}'"]


@contextmanager
def _mappings_as_written(arguments: Sequence[str]) -> Iterator[None]:
    """Let options that print a config print its mappings as the user wrote them."""
    if not PRINTING & {word.partition("=")[0] for word in arguments}:
        yield
        return
    printed = StringIO()
    try:
        with redirect_stdout(printed):
            yield
    finally:  # --version ends the program
        print(with_quoted_keys(printed.getvalue()), end="")


def overrides_first(arguments: list[str]) -> list[str]:
    """Return the arguments with KEY=VALUE before the options, since Hydra accepts none after them.

    >>> overrides_first(["--cfg", "job", "seed=2"])
    ['seed=2', '--cfg', 'job']
    """
    overrides = [word for word in arguments if "=" in word and not word.startswith("-")]
    return [*overrides, *(word for word in arguments if word not in overrides)]


def run_trial(composed: DictConfig) -> None:
    """Run one trial of a sweep; its failure is printed and recorded, and does not end the sweep."""
    ignore_settings()  # in a worker or a job, which nothing else has told
    try:
        die_with_sweep()
        run_preemptible(Path(HydraConfig.get().sweep.dir), partial(run_composed, composed))
    except SeqloomError as error:
        print_failure(with_code(error))
    except Exception as error:
        log = RunFolder(Path(HydraConfig.get().runtime.output_dir)).log
        with log.open("a", encoding="utf-8") as file:  # a bug: keep its traceback
            file.write("".join(traceback.format_exception(error)))
        print_failure(f"{type(error).__name__}: {error} (see {log})")


def run_composed(composed: DictConfig) -> None:
    """Run what Hydra composed, in Hydra's process or in that of a trial.

    Raises:
        SeqloomError: The config cannot be used, or the run failed; ``run.json`` records it.
    """
    preemption.check()
    settings = HydraConfig.get()
    if settings.mode is not RunMode.MULTIRUN:
        words = [*settings.overrides.task, *settings.overrides.hydra]
        refuse_sweep(words, settings.runtime.choices.get("sweep"))
    try:
        config = checked_config(composed)
    except SeqloomError as error:
        folder = RunFolder(Path(settings.runtime.output_dir))
        with suppress(RunError), Lease(folder.path):  # unless another process writes there
            overrides = list(settings.overrides.task)
            record_refusal(folder, f"{type(error).__name__}: {error}", overrides)
        raise
    if settings.mode is RunMode.MULTIRUN:
        with own_share(settings.sweep.dir, settings.launcher, config.trainer, config.threads):
            import_and_run(config)
    else:
        result = import_and_run(config)
        if not follows_by_hand(config):
            print_result(result)


def print_failure(text: str) -> None:
    """Print a trial's error after its number."""
    print(f"[{Path(HydraConfig.get().runtime.output_dir).name}] Error: {text}", file=sys.stderr)


def hydra_main(task: Callable[[DictConfig], None]) -> None:
    """Enter Hydra, which reads ``sys.argv`` and calls the task with each composed config.

    The log files that Hydra opens are closed at the end, in case the process continues.
    """
    register_configs()
    decorate = hydra.main(
        config_path="pkg://seqloom_conf", config_name="train", version_base=VERSION_BASE
    )
    before = list(logging.root.handlers)
    try:
        decorate(task)()
    finally:
        for handler in list(logging.root.handlers):
            if isinstance(handler, logging.FileHandler) and handler not in before:
                logging.root.removeHandler(handler)
                handler.close()


def checked_config(composed: DictConfig) -> RunConfig:
    """Return the frozen, checked config of a run or trial.

    Raises:
        SeqloomError: A key is unknown, a value or a file is missing, or components are not
            compatible.
    """
    set_what_hydra_knows(composed)
    overrides = list(HydraConfig.get().overrides.task)
    config = freeze_and_check(composed, overrides, lazy_config_with_init)
    # A finished run does not read its data, which may be gone. Its bundle may be in the copy.
    may_be_finished = RunFolder(Path(config.run_dir)).bundle.exists() or config.copy_to
    if not may_be_finished:
        refuse_missing_files(config)
    return config


def set_what_hydra_knows(composed: DictConfig) -> None:
    """Set what follows from Hydra's own settings: ``run_dir``, ``resume`` of a trial, ``title``.

    Raises:
        ConfigError: ``run_dir`` is empty.
    """
    if not composed.run_dir:
        raise ConfigError("run_dir is empty. Set it: run_dir=PATH", cause=Cause.no_value)
    settings = HydraConfig.get()
    with open_dict(composed):
        composed.run_dir = settings.runtime.output_dir
        if (
            settings.mode is RunMode.MULTIRUN
            and SweepFolder(Path(settings.sweep.dir)).plan.exists()
        ):
            composed.resume = "auto"  # the sweeper decides which trials run
        composed.title = composed.title or title_of_options(settings.runtime.choices)


def title_of_options(choices: Mapping[str, Any]) -> str:
    """Return the names of a run's options in one line: ``bilstm · ner · bc5cdr``."""
    return " · ".join(str(choices[group]) for group in ("encoder", "head", "data"))


def refuse_missing_files(config: RunConfig) -> None:
    """Refuse data files that do not exist before libraries are imported, which takes seconds.

    Raises:
        DataError: There is no such file.
    """
    for file in required_files(config.data):
        if file != "-" and not is_url(file):
            local_path(file, stream=True)


def import_and_run(config: RunConfig) -> Any:
    """Import what training needs, which takes seconds, and run."""
    from seqloom.train.run import run

    return run(config, list(HydraConfig.get().overrides.task))


def print_result(result: Any) -> None:
    """Print the result of a run."""
    if not result.bundle.exists():
        print("Pruned: other trials of this sweep score better. There is no model.")
        return
    for split, metrics in result.metrics.items():
        print(f"{split:<5} {scores_line(metrics)}")
    from seqloom.train.baselines import lines

    for line in lines(result.baselines):
        print(line)
    print(f"model  {result.bundle}\nreport {result.report}", flush=True)
    for note in result.notes:
        print(f"Note: {note}", file=sys.stderr)
