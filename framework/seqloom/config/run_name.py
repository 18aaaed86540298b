"""The default name of a run's folder, ``${run_name:}``: the time, or in a batch job the job."""

from __future__ import annotations

import hashlib
import sys
import time

from omegaconf import OmegaConf

from seqloom.slurm import BatchJob


def run_name() -> str:
    """Return the path of a run below ``runs``.

    A batch job that is requeued must find its folder again. There, the name consists of the job's
    number and a digest of the command, since a job may train more than once.
    """
    job = BatchJob.current()
    if job is None:
        return time.strftime("%Y-%m-%d/%H-%M-%S")
    digest = hashlib.sha256("\0".join(sys.argv[1:]).encode("utf-8", "surrogateescape"))
    return f"slurm-{job.number}/{digest.hexdigest()[:6]}"


# When a module is imported, since the processes of a sweep's trials get composed configs.
OmegaConf.register_new_resolver("run_name", run_name, use_cache=True, replace=True)
