"""One rank of a run: ``python -m seqloom.train.ranks.rank FOLDER``.

`seqloom.train.ranks.launch` starts it. It takes the frozen config, the codecs and the encoded data
from the run's folder.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from pathlib import Path

from seqloom.files import write_json
from seqloom.safe_path import ignore_settings
from seqloom.train import preemption
from seqloom.train.folder import RunFolder
from seqloom.train.preemption import Preempted
from seqloom.train.ranks.errors import CAUSE_FIRST, follows_from_another, write_error
from seqloom.train.run_log import FORMAT_VARIABLE, RunLog
from seqloom.train.watch import OWNER_VARIABLE, Process, die_with, die_with_sweep


def main() -> None:
    """Do this rank's work; an error is written to a file for the process that launched it."""
    ignore_settings()
    folder, rank = RunFolder(Path(sys.argv[1]).absolute()), int(os.environ["RANK"])
    preemption.install()
    die_with(Process.from_text(os.environ[OWNER_VARIABLE]))
    die_with_sweep()
    _log_to(folder.log if rank == 0 else None)
    try:
        with preemption.following(folder.preempted):
            from seqloom.train.run import take_part  # after the signals, since it takes seconds

            summary = take_part(folder)
        if rank == 0:
            write_json(folder.rank_summary, summary)
    except KeyboardInterrupt:  # the launcher gets the signal as well, and reports it
        os._exit(128 + signal.SIGINT)
    except Preempted:
        _end(preemption.EXIT_CODE)
    except Exception as error:
        if follows_from_another(error):
            time.sleep(CAUSE_FIRST)  # the launcher ends this rank when it sees the one that failed
        write_error(error, folder, rank)
        _end(1)  # Python's own exit would wait for a collective operation that no rank joins
    _end(0)  # in Python's own exit, threads of the process group would abort it


def _end(status: int) -> None:
    """End the process at once; all its files are written."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


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
