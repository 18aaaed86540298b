"""``seqloom sweep resume``: finish an interrupted sweep."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path

from seqloom.cli.options import HelpFormatter, positive_int
from seqloom.cli.train import train
from seqloom.config.compose import quoted
from seqloom.errors import RunError, printable
from seqloom.sweep.folder import read_plan


def resume(arguments: list[str]) -> int:
    """Run the sweep's command again, in its original working directory.

    Returns:
        The exit status of the sweep.

    Raises:
        RunError: The folder does not hold a sweep that can be resumed.
    """
    options = _parser().parse_args(arguments)
    folder = options.folder.absolute()
    plan = read_plan(folder)
    if not Path(plan.cwd).is_dir():
        raise RunError(
            f"The sweep was started in {plan.cwd}, which does not exist. Paths in its command are "
            "relative to that folder: make it available, or start the sweep again."
        )
    os.chdir(plan.cwd)
    attempts = [f"hydra.sweeper.attempts={options.attempts}"] if options.attempts else []
    changed = tuple(word.partition("=")[0] for word in options.words)
    if "hydra/launcher" in changed:  # do not pass one launcher the settings of another
        changed += ("hydra.launcher.",)
    command = [word for word in plan.command if not word.startswith(changed or ("=",))]
    where = [f"run_dir={quoted(folder)}", "resume=auto"]
    words = ["-m", *plan.flags, *command, *options.words, *attempts, *where]
    said = shlex.join(["seqloom", "train", *words])
    print(f"Resuming in {printable(plan.cwd)}: {printable(said)}", file=sys.stderr)
    return train(words)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        formatter_class=HelpFormatter,
        prog="seqloom sweep resume",
        description="Finish an interrupted sweep: run trials that did not start, resume trials "
        "that were interrupted, retry trials that failed. Finished trials are not repeated, and "
        "trials that another process is running are skipped.",
    )
    parser.add_argument("folder", type=Path, help="folder of the sweep")
    parser.add_argument(
        "words",
        nargs="*",
        default=[],  # otherwise argparse calls it required
        metavar="KEY=VALUE",
        help="another launcher, its settings, or hydra.sweeper.n_trials=N to extend a search",
    )
    parser.add_argument(
        "--attempts",
        type=positive_int,
        metavar="N",
        help="maximum number of attempts at a trial that fails (default: the sweep's, 3)",
    )
    return parser
