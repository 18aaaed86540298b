"""Environment variables that torch reads when it is imported, with values that suit sequences."""

from __future__ import annotations

import os

SPIN_COUNT, WAIT_POLICY = "GOMP_SPINCOUNT", "OMP_WAIT_POLICY"
"""Variables that say how the threads of OpenMP wait."""

SPINS = "10000"
"""How often a thread looks for work: tens of microseconds. GCC's 300,000 take milliseconds."""

HUGE_PAGES = "THP_MEM_ALLOC_ENABLE"
"""Variable that lets torch ask for huge pages for tensors of 2 MiB or more, on Linux."""


def set_torch_variables() -> None:
    """Set what torch reads when it is imported, except where the user has set it.

    - A thread with which torch has shared a kernel spins for the next one, and keeps its core from
      the other direction of a layer (`seqloom.nn.side_by_side`) or another program. With GCC's
      library of OpenMP, which torch uses on Linux, it now sleeps after microseconds.
    - The C library returns large tensors to the system when they are freed, so that each step gets
      new pages. Huge ones, of 2 MiB instead of 4 KiB, are got and cleared in less time.
    """
    if not {SPIN_COUNT, WAIT_POLICY} & {*os.environ}:
        os.environ[SPIN_COUNT] = SPINS
    os.environ.setdefault(HUGE_PAGES, "1")
