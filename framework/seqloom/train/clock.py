"""A clock that nobody sets, to measure how long something took.

Only the standard library is imported, as `seqloom.train.preemption` is imported before all else.
"""

from __future__ import annotations

import time


def uptime() -> float:
    """Return seconds that pass also while the machine is suspended, whoever sets its clock."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.time() if clock is None else time.clock_gettime(clock)
