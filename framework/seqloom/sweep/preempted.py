"""Let the trials of a sweep end together when one of them, or the sweep, is preempted."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from seqloom.sweep.folder import SweepFolder
from seqloom.train import preemption
from seqloom.train.preemption import Preempted
from seqloom.train.watch import Process, sweep_leader


def run_together(sweep: Path, run: Callable[[], None]) -> None:
    """Run a trial that ends with the others of its sweep; none is started after that.

    In a worker of the sweep, a preemption ends the trial without an exception, which would end
    other workers: the sweep itself is told, and tells them. A separate job of a cluster is
    preempted alone.

    Args:
        sweep: Folder of the sweep.
        run: Function that runs the trial.

    Raises:
        Preempted: The trial was preempted in the process of the sweep, or in a job of its own.
    """
    leader = sweep_leader()
    if leader is None:
        run()
        return
    preemption.install()
    try:
        with preemption.following(SweepFolder(sweep).preempted):
            run()
    except Preempted:
        _tell(leader)


def _tell(leader: Process) -> None:
    if leader.alive():
        with suppress(OSError):
            os.kill(leader.pid, signal.SIGTERM)
