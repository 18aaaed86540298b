"""One rank of a run: ``python -m seqloom.train.rank FOLDER``, started by ``seqloom.train.launch``.

It knows nothing but the run's folder, where the config is frozen and the codecs are fitted.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
import traceback
from pathlib import Path

from seqloom.errors import SeqloomError
from seqloom.files import write_json
from seqloom.train.folder import RunFolder
from seqloom.train.watch import Process, die_with, follow

OWNER_VARIABLE = "SEQLOOM_RUN_OWNER"
"""The process that leads the run; its ranks die with it."""


def main() -> None:
    """Do this rank's part; a failure is written down for the process that launched the ranks."""
    arguments = _arguments()
    folder, rank = RunFolder(arguments.folder.absolute()), int(os.environ["RANK"])
    die_with(Process.from_text(os.environ[OWNER_VARIABLE]))
    follow()
    _log_to(folder.log if rank == 0 else None)
    try:
        _run(folder, arguments.going_on, rank)
    except Exception as fault:
        write_json(
            folder.ranks / f"error_{rank}.json",
            {
                "time": time.time(),
                "rank": rank,
                "type": type(fault).__name__,
                "text": str(fault),
                "ours": isinstance(fault, SeqloomError),
                "traceback": "".join(traceback.format_exception(fault)),
            },
        )
        traceback.print_exception(fault)
        # Not by way of Python's end: it would wait for a collective that nobody joins any more.
        sys.stderr.flush()
        os._exit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m seqloom.train.rank")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--going-on", action="store_true")
    return parser.parse_args()


def _run(folder: RunFolder, going_on: bool, rank: int) -> None:
    import torch

    from seqloom.train.errors import quiet
    from seqloom.train.init import Beginning
    from seqloom.train.prepare import restored
    from seqloom.train.trial import perform, seed_everything

    quiet()
    config = folder.frozen()
    if config["threads"]:
        torch.set_num_threads(config["threads"])
    seed_everything(config["seed"])
    outcome = perform(
        config,
        folder,
        restored(config, folder),
        going_on=going_on,
        beginning=Beginning(config) if config["init"] and not going_on else None,
        in_ranks=True,
    )
    if rank == 0:
        write_json(folder.ranks / "outcome.json", outcome)


def _log_to(path: Path | None) -> None:
    """Let the first rank speak for all: to the run's log and, through the launcher, the screen."""
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    if path:
        handlers.append(logging.FileHandler(path, encoding="utf-8"))
    level = logging.INFO if path else logging.WARNING
    logging.basicConfig(level=level, format="%(message)s", handlers=handlers)


if __name__ == "__main__":
    main()
