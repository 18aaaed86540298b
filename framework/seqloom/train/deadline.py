"""Leave in time before a job is ended: at Slurm's limit, or at one that the user knows."""

from __future__ import annotations

import logging
import math
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from seqloom.config.interval import parse_limit
from seqloom.train import preemption

log = logging.getLogger("seqloom")

END_VARIABLES = ("SEQLOOM_JOB_END_TIME", "SLURM_JOB_END_TIME")
"""Environment variables with the end of the job, in seconds since 1970; the earliest one counts."""

MARGIN = 60.0
"""Seconds before the end at which a run is asked to leave, or `SHARE` of the time left if less."""

SHARE = 0.1

REASON = "its time limit"


def job_end() -> float | None:
    """Return when this process is ended, in seconds since 1970; None if that is not known."""
    words = [os.environ.get(name, "") for name in END_VARIABLES]
    ends = [float(word) for word in words if re.fullmatch(r"[0-9]{1,12}(\.[0-9]+)?", word)]
    return min(ends, default=None)


@contextmanager
def watched(limit: str | None) -> Iterator[None]:
    """Ask this process to leave in good time before its end, as a signal would.

    Args:
        limit: Time from the start of the program to its end, beside that of the job, as
            `parse_limit` reads it.

    Raises:
        ConfigError: The limit is something else.
    """
    left = _left(limit)
    if left is None:
        yield
        return
    over = threading.Event()
    wait = left - min(MARGIN, SHARE * left)
    threading.Thread(target=_ask, args=(over, wait), name="seqloom-limit", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _left(limit: str | None) -> float | None:
    """Return the seconds until the end; None if it is not known.

    The clock of the machine may be set meanwhile, so it is read only to know when a job ends.
    """
    left = [] if limit is None else [parse_limit("time_limit", limit) - preemption.elapsed()]
    end = job_end()
    job = math.inf if end is None else end - time.time()
    if job < -MARGIN:
        log.warning(
            "The end of the job, in %s, passed %.0f s ago by the clock of this machine, so it is "
            "ignored.",
            " or ".join(name for name in END_VARIABLES if name in os.environ),
            -job,
        )
    elif end is not None:
        left.append(job)
    return max(0.0, min(left)) if left else None


def _ask(over: threading.Event, wait: float) -> None:
    if not over.wait(wait):
        preemption.request(REASON)
