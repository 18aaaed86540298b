"""What Slurm tells a process about its job: who it is, and whether it was started again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class BatchJob:
    """A job that was submitted by ``sbatch``, which Slurm may requeue under the same number.

    Attributes:
        name: Name of the job: its cluster and its number, or those of its array and task.
        restart: Number of times that Slurm has started it again.
    """

    name: str
    restart: int

    @property
    def number(self) -> str:
        """The number by which Slurm's commands know the job: ``4711``, or ``4711_3``."""
        return self.name.rpartition("@")[0]

    @classmethod
    def current(cls, environment: Mapping[str, str] | None = None) -> BatchJob | None:
        """Return the job of this process; None outside of Slurm and in an interactive session.

        Only batch jobs are requeued. In an allocation made by ``salloc`` or ``srun``, a repeated
        command is meant to run again.

        Args:
            environment: Variables to read; those of this process by default.
        """
        found = os.environ if environment is None else environment
        number = found.get("SLURM_JOB_ID", "")
        if not number.isdigit() or found.get("ENVIRONMENT") != "BATCH":
            return None
        array, task = found.get("SLURM_ARRAY_JOB_ID"), found.get("SLURM_ARRAY_TASK_ID")
        own = f"{array}_{task}" if array and task else number
        restart = found.get("SLURM_RESTART_COUNT", "")
        return cls(
            f"{own}@{found.get('SLURM_CLUSTER_NAME', '')}",
            int(restart) if restart.isdigit() else 0,
        )


def requeue(job: BatchJob) -> bool:
    """Have Slurm start a job again; return whether it will. A job that was cancelled stays so."""
    try:
        state = _ask("squeue", "-h", "-j", job.number, "-o", "%T")
        if state == "RUNNING":
            _ask("scontrol", "requeue", job.number)
    except (OSError, subprocess.SubprocessError):
        return False
    return state in {"RUNNING", "PENDING", "COMPLETING", "REQUEUED"}


def _ask(*command: str) -> str:
    return subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()
