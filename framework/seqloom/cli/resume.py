"""``seqloom sweep resume``: finish what a sweep that was broken off has left to do."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from seqloom.cli.train import train
from seqloom.config.compose import quoted
from seqloom.errors import RunError
from seqloom.sweep.plan import read_plan


def resume(arguments: list[str]) -> int:
    """Enter the sweep's own command again, in the folder where it was given.

    Returns:
        The exit status of the sweep.

    Raises:
        RunError: the folder holds no sweep that can go on.
    """
    options = _parser().parse_args(arguments)
    folder = options.folder.absolute()
    plan = read_plan(folder)
    if not Path(plan.cwd).is_dir():
        raise RunError(
            f"The sweep was begun in {plan.cwd}, which is not there. Paths in its command are "
            "relative to that folder: make it available, or begin the sweep anew."
        )
    os.chdir(plan.cwd)
    attempts = [f"hydra.sweeper.attempts={options.attempts}"] if options.attempts else []
    changed = tuple(word.partition("=")[0] for word in options.words)
    if "hydra/launcher" in changed:  # the settings of another launcher mean nothing to it
        changed += ("hydra.launcher.",)
    command = [word for word in plan.command if not word.startswith(changed or ("=",))]
    where = [f"run_dir={quoted(folder)}", "resume=auto"]
    return train(["-m", *plan.flags, *command, *options.words, *attempts, *where])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="seqloom sweep resume",
        description="Finish a sweep that was broken off: run what was not begun, go on with what "
        "was interrupted, try again what failed. What is done is not repeated, and what another "
        "process is running is left to it.",
    )
    parser.add_argument("folder", type=Path, help="the sweep's")
    parser.add_argument(
        "words",
        nargs="*",
        metavar="KEY=VALUE",
        help="another launcher, its settings, or hydra.sweeper.n_trials=N to search on",
    )
    parser.add_argument(
        "--attempts",
        type=_positive,
        metavar="N",
        help="try a trial that fails N times in all (as the sweep says: 3)",
    )
    return parser


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 up, not {text!r}")
    return int(text)
