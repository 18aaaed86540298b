"""One rank of a run: ``python -m seqloom.train.rank FOLDER``, started by ``seqloom.train.launch``.

It knows nothing but the run's folder, where the config is frozen and the codecs are fitted.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
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

BROKEN_OFF = ("gloo", "NCCL", "by peer", "Broken pipe", "recvValue", "c10d")
"""What stands in the errors of a collective that another rank has left."""

PATIENCE = 2.0
"""Seconds that a rank whose collective broke off leaves to the one that broke it off."""

FORMAT_VARIABLE = "SEQLOOM_LOG_FORMAT"
"""How that process formats what it logs."""


def main() -> None:
    """Do this rank's part; a failure is written down for the process that launched the ranks."""
    arguments = _arguments()
    folder, rank = RunFolder(arguments.folder.absolute()), int(os.environ["RANK"])
    die_with(Process.from_text(os.environ[OWNER_VARIABLE]))
    follow()
    _log_to(folder.log if rank == 0 else None)
    try:
        _run(folder, arguments.going_on, rank)
    except KeyboardInterrupt:  # the launcher was told as well, and says so
        os._exit(128 + signal.SIGINT)
    except Exception as fault:
        if _follows_from_another(fault):
            time.sleep(PATIENCE)  # the launcher ends this rank when it sees the one that failed
        _write_down(fault, folder, rank)
        _end(1)  # not as Python would: it waits for a collective that nobody joins any more
    _end(0)  # not as Python would: threads of the process group that still run would abort it


def _end(status: int) -> None:
    """End the process at once; all that it had to leave is written."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _follows_from_another(fault: Exception) -> bool:
    """Return whether an error only says that another rank is gone."""
    return isinstance(fault, RuntimeError) and any(word in str(fault) for word in BROKEN_OFF)


def _write_down(fault: Exception, folder: RunFolder, rank: int) -> None:
    write_json(
        folder.ranks / f"error_{rank}.json",
        {
            "time": time.time(),
            "rank": rank,
            "type": type(fault).__name__,
            "text": str(fault),
            "ours": isinstance(fault, SeqloomError),
            "follows": _follows_from_another(fault),
            "traceback": "".join(traceback.format_exception(fault)),
        },
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m seqloom.train.rank")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--going-on", action="store_true")
    return parser.parse_args()


def _run(folder: RunFolder, going_on: bool, rank: int) -> None:
    import torch

    from seqloom.plugins.registry import disable
    from seqloom.train.errors import quiet
    from seqloom.train.init import Beginning
    from seqloom.train.prepare import restored
    from seqloom.train.trial import perform, seed_everything

    quiet()
    config = folder.frozen()
    disable(config.disable_plugins)
    if config.threads:
        torch.set_num_threads(config.threads)
    seed_everything(config.seed)
    if not going_on:  # what there is to say of the data was said when they were prepared
        logging.disable(logging.WARNING)
    data = restored(config, folder)
    logging.disable(logging.NOTSET)
    outcome = perform(
        config,
        folder,
        data,
        going_on=going_on,
        beginning=Beginning(config) if config.init and not going_on else None,
        in_ranks=True,
    )
    if rank == 0:
        write_json(folder.ranks / "outcome.json", outcome)
    # None goes before all are done: the first one serves the others' process group.
    if torch.distributed.is_initialized():
        torch.distributed.barrier()


def _log_to(path: Path | None) -> None:
    """Let the first rank speak for all: to the run's log and, through the launcher, the screen."""
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    if path:
        handlers.append(logging.FileHandler(path, encoding="utf-8"))
    level = logging.INFO if path else logging.WARNING
    form = os.environ.get(FORMAT_VARIABLE, "%(message)s")
    logging.basicConfig(level=level, format=form, handlers=handlers)


if __name__ == "__main__":
    main()
