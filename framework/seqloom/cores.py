"""The CPU cores of this process."""

from __future__ import annotations

import os

SPIN_COUNT, WAIT_POLICY = "GOMP_SPINCOUNT", "OMP_WAIT_POLICY"
"""Variables that say how the threads of OpenMP wait."""

SPINS = "10000"
"""How often a thread looks for work: tens of microseconds. GCC's 300,000 take milliseconds."""


def available_cores() -> list[int]:
    """Return the CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def limit_spinning() -> None:
    """Let torch's threads wait for work for microseconds before they sleep, not for milliseconds.

    A thread with which torch has shared a kernel spins for the next one, and keeps its core from
    the other direction of a layer (`seqloom.nn.side_by_side`) or another program. GCC's library of
    OpenMP, which torch uses on Linux, reads this variable when torch is imported. What the user has
    set stays.
    """
    if not {SPIN_COUNT, WAIT_POLICY} & {*os.environ}:
        os.environ[SPIN_COUNT] = SPINS
