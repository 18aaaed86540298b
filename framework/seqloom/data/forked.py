"""Do the parts of a long task in several processes that are forked from this one.

They share what this process has in memory, so that neither codecs nor examples are sent to them,
and nothing is done elsewhere than here if there is one core.
"""

from __future__ import annotations

import gc
import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

import torch

from seqloom.cores import available_cores
from seqloom.data.worker import begin_worker
from seqloom.errors import Cause, RunError

T = TypeVar("T")
R = TypeVar("R")

FEWEST = 100_000
"""Number of examples from which on processes are started."""

MOST = 4
"""Maximum number of processes; each takes memory of its own."""

AHEAD = 2
"""Number of parts for each process that may be done before those that come first."""


class KilledError(RunError):
    """A process was ended from outside."""

    code = Cause.rank_killed


def processes(examples: int) -> int:
    """Return the number of processes for a number of examples; 1: this one alone."""
    alone = sys.platform != "linux" or multiprocessing.current_process().daemon
    return 1 if alone or examples < FEWEST else min(MOST, len(available_cores()))


class _Worker(Generic[T, R]):
    """A process that does parts, one at a time."""

    def __init__(self, work: Callable[[T], R], number: int) -> None:
        context = multiprocessing.get_context("fork")
        self.connection, other = context.Pipe()
        self.process = context.Process(
            target=_serve, args=(work, other, self.connection, number), daemon=True
        )
        self.process.start()
        other.close()  # so that it ends with the process

    def give(self, number: int, part: T) -> None:
        self.connection.send((number, part))

    def take(self) -> tuple[int, R | None]:
        """Return the number of the part and what was made of it.

        Raises:
            KilledError: The process has ended.
        """
        try:
            found: tuple[int, R | None] = self.connection.recv()
        except (EOFError, OSError):
            self.process.join()
            code = self.process.exitcode or 0
            how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            raise KilledError(
                f"A process that encodes examples was ended from outside ({how}). Perhaps it was "
                f"out of memory: there are up to {MOST}, one for each core that seqloom may use; "
                "with `taskset -c 0` before the command there is none but the command's own."
            ) from None
        return found

    def end(self) -> None:
        self.connection.close()
        self.process.terminate()
        self.process.join()


def in_order(
    work: Callable[[T], R], parts: Iterable[T], count: int
) -> Iterator[tuple[T, R | None]]:
    """Yield each part with what ``work`` returns for it in a forked process, in the given order.

    It is None where ``work`` failed there: the caller does that part itself, and so meets the error
    in its place.

    Args:
        work: Function of one part; what it returns can be pickled.
        parts: The parts, which can be pickled.
        count: Number of processes.

    Raises:
        KilledError: A process was ended from outside.
    """
    gc.collect()
    gc.freeze()  # or a collection there would copy all pages
    try:
        workers = [_Worker[T, R](work, number) for number in range(count)]
    finally:
        gc.unfreeze()
    try:
        yield from _dealt(workers, [*parts])
    finally:
        for one in workers:
            one.end()


def _dealt(workers: list[_Worker[T, R]], parts: list[T]) -> Iterator[tuple[T, R | None]]:
    idle, busy = [*workers], dict[Any, _Worker[T, R]]()
    done: dict[int, R | None] = {}
    given = 0
    for number, part in enumerate(parts):
        while number not in done:
            while idle and given < min(len(parts), number + AHEAD * len(workers)):
                one = idle.pop()
                one.give(given, parts[given])
                busy[one.connection] = one
                given += 1
            for connection in wait([*busy]):
                worker = busy.pop(connection)
                place, found = worker.take()
                done[place] = found
                idle.append(worker)
        yield part, done.pop(number)


def _serve(work: Callable[[T], R], parts: Connection, other: Connection, number: int) -> None:
    """Do parts until there are no more."""
    begin_worker(number)
    other.close()
    torch.set_num_threads(1)  # OpenMP's threads are not there after a fork
    while True:
        try:
            place, part = parts.recv()
        except EOFError:
            return
        try:
            found = work(part)
        except Exception:
            parts.send((place, None))
        else:
            parts.send((place, found))
