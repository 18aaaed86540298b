"""End a run that hangs from within, where no launcher does it: on one device, by srun or torchrun.

The process raises an error in its main thread, so that the run ends like any other that failed, and
a sweep continues. Where that thread does not return to Python, the process records the failure and
ends.
"""

from __future__ import annotations

import logging
import os
import sys
import threading

from seqloom.errors import Cause, RunError
from seqloom.train import preemption
from seqloom.train.folder import RunFolder
from seqloom.train.record import record_hang
from seqloom.train.stacks import rank_error, stack_file, stack_of, the_one_that_hangs, where

GRACE = 30.0
"""Seconds in which a run ends by itself after the error, or `hang_timeout` if that is less."""

LAST_WORDS = 10.0
"""Seconds that a process has to record why it ends."""


class HangEnd:
    """Ends the run of this process when it hangs.

    Args:
        folder: Folder of the run.
        rank: Number of this process; None: the run is on one device.
        ranks: Number of processes.
        timeout: Seconds without progress after which it is called.
    """

    def __init__(self, folder: RunFolder, rank: int | None, ranks: int, timeout: float) -> None:
        self.folder, self.rank, self.ranks, self.timeout = folder, rank, ranks, timeout
        self._in_main = threading.current_thread() is threading.main_thread()
        self._left = threading.Event()

    def __enter__(self) -> HangEnd:
        """Begin the block that is left by the error."""
        return self

    def __exit__(self, *_: object) -> None:
        """Note that the block was left, so that the process may live."""
        self._left.set()

    def __call__(self, doing: tuple[int, str]) -> None:
        """End the run; the step and stage are those in which this process makes no progress."""
        grace, error = min(GRACE, self.timeout), self._error(doing)
        if self.rank:
            # The first process ends, and with it the others; unless it is the one that hangs.
            if self._left.wait(2 * grace):
                return
        elif self._in_main and preemption.interrupt(error) and self._left.wait(grace):
            return
        # What hangs may hold a lock of the log, or be the file system itself.
        threading.Timer(LAST_WORDS, os._exit, (1,)).start()
        record_hang(self.folder, error)
        logging.getLogger("seqloom").error("Error: %s", error)
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)  # the main thread does not respond, so Python's own exit would hang as well

    def _error(self, doing: tuple[int, str]) -> RunError:
        if self.rank is not None:
            found = the_one_that_hangs(self.folder.ranks, self.ranks)
            return rank_error(found, self.ranks, self.timeout, self.folder.ranks)
        path = stack_file(self.folder.path, None)
        return RunError(
            f"The run has made no progress for {self.timeout:g} s{where(doing, stack_of(path))}"
            f"The stacks of all threads are in {path}; hang_timeout=SECONDS sets how long to wait.",
            cause=Cause.hangs,
        )
