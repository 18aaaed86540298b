"""Do the parts of a long task in several processes that are forked from this one.

They share what this process has in memory, so that neither codecs nor examples are sent to them.
With one core, everything is done in this process.
"""

from __future__ import annotations

import gc
import logging
import multiprocessing
import pickle
import signal
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

import torch

from seqloom.cores import available_cores
from seqloom.data.worker import begin_worker
from seqloom.errors import Cause, RunError

T = TypeVar("T")
R = TypeVar("R")

log = logging.getLogger("seqloom")

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
        """Let it do a part.

        Raises:
            KilledError: The process has ended.
        """
        try:
            self.connection.send((number, part))
        except OSError:
            raise self._killed() from None

    def take(self) -> tuple[int, R | None]:
        """Return the number of the part and what was made of it.

        Raises:
            KilledError: The process has ended.
        """
        try:
            found: tuple[int, R | None] = self.connection.recv()
        except (EOFError, OSError):
            raise self._killed() from None
        return found

    def _killed(self) -> KilledError:
        self.process.join()
        code = self.process.exitcode or 0
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return KilledError(
            f"A worker process that reads or encodes examples was killed ({how}), perhaps because "
            f"memory ran out. There is one worker per available core, up to {MOST}; prefix the "
            "command with `taskset -c 0` to run without workers."
        )

    def end(self) -> None:
        self.process.terminate()
        self.connection.close()
        self.process.join()


def in_order(
    work: Callable[[T], R], parts: Iterable[T], count: int
) -> Generator[tuple[T, R | None], None, None]:
    """Yield each part with what ``work`` returns for it in a forked process, in the given order.

    It is None where ``work`` failed there: the caller does that part itself, and so meets the error
    in its place. If the system starts fewer processes, those do all parts; the caller does if
    there are none.

    Args:
        work: Function of one part; what it returns can be pickled.
        parts: The parts, which can be pickled.
        count: Number of processes.

    Raises:
        KilledError: A process was ended from outside.
    """
    workers: list[_Worker[T, R]] = []
    try:
        _start(workers, work, count)
        if workers:
            yield from _dealt(workers, [*parts])
        else:
            yield from ((part, None) for part in parts)
    finally:
        for one in workers:
            one.end()


def _start(workers: list[_Worker[T, R]], work: Callable[[T], R], count: int) -> None:
    """Start processes, as many as the system allows, and append them to a list."""
    gc.freeze()  # or a collection there would copy all pages
    try:
        while len(workers) < count:
            workers.append(_Worker[T, R](work, len(workers)))
    except OSError as error:
        log.info("Only %d of %d processes were started: %s", len(workers), count, str(error))
    finally:
        gc.unfreeze()


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
    """Do parts until there are no more, or nobody is there to take what was made of them."""
    begin_worker(number)
    other.close()
    torch.set_num_threads(1)  # OpenMP's threads are not there after a fork
    while True:
        try:
            place, part = parts.recv()
            parts.send_bytes(_done(work, place, part))
        except (EOFError, OSError):  # nobody waits for them
            return


def _done(work: Callable[[T], R], place: int, part: T) -> bytes:
    """Return the number of a part and what was made of it, as they are sent."""
    try:
        return pickle.dumps((place, work(part)))
    except Exception:
        return pickle.dumps((place, None))
