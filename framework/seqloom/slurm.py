"""Facts about a job from Slurm: its id, whether it was restarted, its log files."""

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


def log_files(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the files that get what this process prints, if it is one of a job; by stream.

    Args:
        environment: Variables to read; those of this process by default.
    """
    found = os.environ if environment is None else environment
    if found.get("SUBMITIT_EXECUTOR") and found.get("SUBMITIT_FOLDER"):
        from submitit import JobEnvironment

        try:
            paths = JobEnvironment().paths
        except (RuntimeError, LookupError):  # it is a child of a job that submitit started
            return {}
        return {"stdout": str(paths.stdout), "stderr": str(paths.stderr)}
    job = BatchJob.current(found)
    facts = facts_of(job.number) if job else {}
    names = {"stdout": "StdOut", "stderr": "StdErr"}
    return {stream: facts[name] for stream, name in names.items() if facts.get(name)}


def facts_of(number: str) -> dict[str, str]:
    """Return what Slurm knows of a job, by its own names; nothing if it does not know it any more.

    Args:
        number: Number of the job: ``4711``, or ``4711_3``.
    """
    try:
        shown = _ask("scontrol", "--oneliner", "show", "job", number, seconds=10)
    except (OSError, subprocess.SubprocessError):
        return {}
    return dict(word.partition("=")[::2] for word in shown.split() if "=" in word)


def requeue(job: BatchJob) -> bool:
    """Have Slurm start a job again; return whether it will. A job that was cancelled stays so."""
    try:
        state = _ask("squeue", "-h", "-j", job.number, "-o", "%T")
        if state == "RUNNING":
            _ask("scontrol", "requeue", job.number)
    except (OSError, subprocess.SubprocessError):
        return False
    return state in {"RUNNING", "PENDING", "COMPLETING", "REQUEUED"}


def _ask(*command: str, seconds: float = 60) -> str:
    return subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=seconds
    ).stdout.strip()
