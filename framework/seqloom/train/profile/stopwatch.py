"""A stopwatch that charges every moment of a step to exactly one part, on a CPU or a GPU."""

from __future__ import annotations

import functools
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import torch

Phase = Literal["forward", "backward"]


class Label(NamedTuple):
    """A part of a step, and whether this is its backward pass."""

    part: str
    phase: Phase = "forward"


REST = Label("other")


class Clock(Protocol):
    """Takes stamps, whose distances are known once the device is done."""

    def stamp(self) -> Any:
        """Return a stamp of this moment."""

    def finish(self) -> None:
        """Wait until the distances between all stamps are known."""

    def between(self, first: Any, last: Any) -> float:
        """Return the seconds between two stamps."""


class CPUClock:
    """The wall clock."""

    def stamp(self) -> float:
        """Return the time."""
        return time.perf_counter()

    def finish(self) -> None:
        """Do nothing: the CPU is done."""

    def between(self, first: float, last: float) -> float:
        """Return the seconds between two times."""
        return last - first


class CUDAClock:
    """Events in the stream of a GPU: a stamp is reached when all work queued before it is done.

    Nothing waits in between, so a step is as fast as without the stopwatch. Time in which the GPU
    waits for the CPU counts for the part whose work it waits for.
    """

    def stamp(self) -> torch.cuda.Event:
        """Record an event."""
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def finish(self) -> None:
        """Wait for the GPU."""
        torch.cuda.synchronize()

    def between(self, first: torch.cuda.Event, last: torch.cuda.Event) -> float:
        """Return the seconds between two events."""
        return float(first.elapsed_time(last)) / 1000


def clock_of(device: torch.device) -> Clock:
    """Return the clock of a device."""
    return CUDAClock() if device.type == "cuda" else CPUClock()


@dataclass(frozen=True)
class Mark:
    """The moment from which on time is charged to a label; None: to no part, between two steps."""

    label: Label | None
    stamp: Any


class Stopwatch:
    """Charges the time of steps to parts that may contain one another.

    A part is charged for what happens in it but not in a part inside it, so that the parts sum to
    the whole. Between steps nothing is charged.

    Args:
        clock: Clock of the device.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.steps = 0
        self._marks: list[Mark] = []
        self._stack: list[Label] = []

    @property
    def is_running(self) -> bool:
        """Whether a step has started and has not ended."""
        return bool(self._stack)

    def begin(self) -> None:
        """Begin a step."""
        self._stack = [REST]
        self._mark(REST)

    def end(self) -> None:
        """End the step."""
        self._stack = []
        self._mark(None)
        self.steps += 1

    def enter(self, label: Label) -> None:
        """Charge a part from now on."""
        if self._stack:
            self._stack.append(label)
            self._mark(label)

    def leave(self) -> None:
        """Charge the part around this one again."""
        if len(self._stack) > 1:
            self._stack.pop()
            self._mark(self._stack[-1])

    def switch(self, label: Label) -> None:
        """Charge another part instead of this one."""
        if self._stack:
            self._stack[-1] = label
            self._mark(label)

    @contextmanager
    def part(self, label: Label) -> Iterator[None]:
        """Charge a part for the block, which is inside a step or outside of any."""
        self.enter(label)
        entered = self.is_running
        try:
            yield
        finally:
            if entered:
                self.leave()

    def timed(self, function: Callable[..., Any], label: Label) -> Callable[..., Any]:
        """Return a function whose calls are charged to a part."""

        @functools.wraps(function)
        def call(*args: Any, **named: Any) -> Any:
            with self.part(label):
                return function(*args, **named)

        return call

    def _mark(self, label: Label | None) -> None:
        self._marks.append(Mark(label, self.clock.stamp()))

    def seconds(self) -> dict[Label, float]:
        """Return the seconds of each part in all steps together."""
        self.clock.finish()
        found: dict[Label, float] = defaultdict(float)
        for mark, following in zip(self._marks, self._marks[1:], strict=False):
            if mark.label is not None:
                found[mark.label] += self.clock.between(mark.stamp, following.stamp)
        return dict(found)
