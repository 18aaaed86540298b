"""Let the trials of a sweep end together when one of them, or the sweep, is preempted."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from seqloom.slurm import BatchJob, requeue
from seqloom.sweep.folder import SweepFolder
from seqloom.train import preemption
from seqloom.train.preemption import Preempted
from seqloom.train.watch import Process, sweep_leader

log = logging.getLogger("seqloom")


def run_preemptible(sweep: Path, run: Callable[[], None]) -> None:
    """Run a trial that is preempted with the others of its sweep; none is started after that.

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
        if _is_submitted(os.environ):
            preemption.install()  # submitit's handler would leave before there is a checkpoint
        try:
            run()
        except Preempted:
            requeue_submitted()
            raise
        return
    preemption.install()
    try:
        with preemption.following(SweepFolder(sweep).preempted):
            run()
    except Preempted:
        _tell(leader)


def requeue_submitted(variables: Mapping[str, str] = os.environ) -> None:
    """Requeue the Slurm job of this trial, if submitit submitted it; its first task does that.

    Submitit would do it itself, but at the signal, before the trial has written its checkpoint.

    Args:
        variables: Variables of the environment.
    """
    job = BatchJob.current(variables)
    if job is None or not _is_submitted(variables):
        return
    if variables.get("SLURM_PROCID", "0") == "0" and not requeue(job):
        log.warning(
            "Slurm job %s could not be requeued. To finish: seqloom sweep resume", job.number
        )


def _is_submitted(variables: Mapping[str, str]) -> bool:
    return variables.get("SUBMITIT_EXECUTOR") == "slurm"


def _tell(leader: Process) -> None:
    if leader.alive():
        with suppress(OSError):
            os.kill(leader.pid, signal.SIGTERM)
