"""One rank of a run: ``python -m seqloom.train.rank FOLDER``, started by `seqloom.train.launch`.

It reads everything from the run's folder: the frozen config, the codecs and the encoded data.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
import traceback
from pathlib import Path

from seqloom.errors import SeqloomError
from seqloom.files import write_json
from seqloom.safe_path import ignore_settings
from seqloom.train import preemption
from seqloom.train.folder import RunFolder
from seqloom.train.preemption import Preempted
from seqloom.train.run_log import RunLog
from seqloom.train.watch import Process, die_with, end_with_sweep

OWNER_VARIABLE = "SEQLOOM_RUN_OWNER"
"""Environment variable that names the process of the run; its ranks end with it."""

CONNECTION_LOST = ("gloo", "NCCL", "by peer", "Broken pipe", "recvValue", "c10d")
"""Words in the errors of a collective operation that another rank has left."""

PATIENCE = 2.0
"""Seconds that a rank waits after a collective operation failed, so that its cause comes first."""

FORMAT_VARIABLE = "SEQLOOM_LOG_FORMAT"
"""Environment variable that holds the log format of that process."""


def main() -> None:
    """Do this rank's work; an error is written to a file for the process that launched it."""
    ignore_settings()
    folder, rank = RunFolder(Path(sys.argv[1]).absolute()), int(os.environ["RANK"])
    preemption.install()
    die_with(Process.from_text(os.environ[OWNER_VARIABLE]))
    end_with_sweep()
    _log_to(folder.log if rank == 0 else None)
    try:
        with preemption.following(folder.preempted):
            take_part(folder, rank)
    except KeyboardInterrupt:  # the launcher gets the signal as well, and reports it
        os._exit(128 + signal.SIGINT)
    except Preempted:
        _end(preemption.EXIT_CODE)
    except Exception as error:
        if follows_from_another(error):
            time.sleep(PATIENCE)  # the launcher ends this rank when it sees the one that failed
        write_error(error, folder, rank)
        _end(1)  # Python's own exit would wait for a collective operation that no rank joins
    _end(0)  # in Python's own exit, threads of the process group would abort it


def _end(status: int) -> None:
    """End the process at once; all its files are written."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def follows_from_another(error: Exception) -> bool:
    """Return whether an error is only due to the end of another rank."""
    return isinstance(error, RuntimeError) and any(word in str(error) for word in CONNECTION_LOST)


def write_error(error: Exception, folder: RunFolder, rank: int) -> None:
    """Leave the error of a rank in the folder of its run, if that is still there."""
    if not folder.path.is_dir():
        return
    write_json(
        folder.rank_error(rank),
        {
            "time": time.time(),
            "rank": rank,
            "type": type(error).__name__,
            "text": str(error),
            "ours": isinstance(error, SeqloomError),
            "code": error.code if isinstance(error, SeqloomError) else None,
            "follows": follows_from_another(error),
            "traceback": "".join(traceback.format_exception(error)),
        },
    )


def take_part(folder: RunFolder, rank: int) -> None:
    """Do the work of one rank of a prepared run, from its folder."""
    from seqloom.plugins.registry import disable
    from seqloom.train.distributed import barrier
    from seqloom.train.prepare import load_encoded
    from seqloom.train.process import quiet_lightning
    from seqloom.train.run import work

    preemption.started()
    quiet_lightning()
    cfg = folder.config()
    disable(cfg.disable_plugins)
    data = load_encoded(cfg, folder)
    summary = work(folder, data, rank)
    if rank == 0:
        write_json(folder.rank_summary, summary)
    # No rank ends before all are done: the first one serves the others' process group.
    barrier()


def _log_to(path: Path | None) -> None:
    """Log from the first rank to the run's log and, through the launcher, the terminal."""
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    if path:
        handlers.append(RunLog(str(path)))
    level = logging.INFO if path else logging.WARNING
    form = os.environ.get(FORMAT_VARIABLE, "%(message)s")
    logging.basicConfig(level=level, format=form, handlers=handlers)


if __name__ == "__main__":
    main()
