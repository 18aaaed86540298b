"""Decide after which steps a checkpoint is written, the same on every rank."""

from __future__ import annotations

import time

from seqloom.config.interval import Interval
from seqloom.train.distributed import from_first


class Saving:
    """Says after which steps a checkpoint is due.

    Where the interval is one of time, the clock of the first rank counts. The ranks do not ask it
    after every step, but again after half of the steps that it expects to be left.

    Args:
        every: Interval.
    """

    def __init__(self, every: Interval) -> None:
        self.every = every
        self._last_step = self._next_step = 0
        self._since = time.monotonic()

    def start(self, step: int) -> None:
        """Start to count, after a number of steps."""
        self._last_step, self._next_step = step, step + 1
        self._since = time.monotonic()

    def is_due(self, step: int) -> bool:
        """Return whether a checkpoint is due after this step; every rank must ask."""
        if self.every.steps is not None:
            return step % self.every.steps == 0
        if step < self._next_step:
            return False
        left = from_first(self._steps_left(step))
        if left == 0:
            self.start(step)
        else:
            self._next_step = step + max(1, left // 2)
        return left == 0

    def _steps_left(self, step: int) -> int:
        """Return how many steps are left of the time, at the speed since the last checkpoint."""
        passed, seconds = time.monotonic() - self._since, self.every.seconds or 0
        if passed >= seconds:
            return 0
        speed = max(1, step - self._last_step) / max(passed, 1e-9)
        return max(1, int((seconds - passed) * speed))
