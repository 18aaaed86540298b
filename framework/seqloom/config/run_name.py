"""The default name of a run's folder, ``${run_name:}``: the time, or in a batch job the job."""

from __future__ import annotations

import hashlib
import sys
import time
from contextlib import suppress
from pathlib import Path

from omegaconf import OmegaConf

from seqloom.slurm import BatchJob

BY_TIME = "%Y-%m-%d/%H-%M-%S"
"""Form of the name outside of batch jobs."""


def run_name() -> str:
    """Return the path of a run below ``runs``.

    A batch job that is requeued must find its folder again. There, the name consists of the job's
    number and a digest of the command, since a job may train more than once.
    """
    job = BatchJob.current()
    if job is None:
        return time.strftime(BY_TIME)
    digest = hashlib.sha256("\0".join(sys.argv[1:]).encode("utf-8", "surrogateescape"))
    return f"slurm-{job.number}/{digest.hexdigest()[:6]}"


def is_named_by_time(folder: Path) -> bool:
    """Return whether a folder has the default name, which the same command has only once.

    >>> is_named_by_time(Path("runs/2026-11-30/09-05-00")), is_named_by_time(Path("runs/mine"))
    (True, False)
    """
    with suppress(ValueError):
        return bool(time.strptime("/".join(folder.parts[-2:]), BY_TIME))
    return False


# When a module is imported, since the processes of a sweep's trials get composed configs.
OmegaConf.register_new_resolver("run_name", run_name, use_cache=True, replace=True)
