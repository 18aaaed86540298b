"""Read the parts of large data in several processes, and keep what one process would keep."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import repeat
from typing import TypeVar

from seqloom.data.forked import FEWEST, in_order, processes
from seqloom.data.progress import progress
from seqloom.data.spool import Packed, Spool, packed
from seqloom.errors import ExampleError
from seqloom.interfaces.example import Example
from seqloom.quiet import withheld

T = TypeVar("T")
PART = 8192
"""Number of examples in a part of what is read already."""

Found = Iterable[Example | ExampleError]


def spooled(
    parts: Callable[[], Sequence[Found]],
    select: Callable[[Found], tuple[Iterable[Example], T]],
    what: str,
) -> tuple[Spool, list[T]] | None:
    """Return the examples of all parts, read by forked processes, and what they noted.

    Args:
        parts: Returns the parts; it is called if there are several cores.
        select: From what a part yields to the examples to keep, and what is noted meanwhile, which
            can be pickled.
        what: What is done, for the log.

    Returns:
        None if one process must read them: there are few, somewhere is a message or an error that
        is not of one example alone, or values are not of plain types.

    Raises:
        KilledError: A process was ended from outside.
    """
    count = processes(FEWEST)
    every = parts() if count > 1 else ()
    if len(every) < 2:
        return None

    def work(number: int) -> tuple[Packed, T] | None:
        with withheld() as said:
            examples, noted = select(every[number])
            content = packed(examples)
        return None if said or content is None else (content, noted)

    found, notes = Spool(), list[T]()

    def read() -> Iterator[None]:
        with closing(in_order(work, range(len(every)), count)) as done:
            for _, part in done:
                if part is None:
                    raise _AloneError
                found.extend(part[0])
                notes.append(part[1])
                yield from repeat(None, len(part[0].sizes))

    try:
        for _ in progress(read(), what):
            pass
    except _AloneError:
        return None
    return found, notes


def are_many(examples: Sequence[Example]) -> bool:
    """Return whether several processes go through so many examples."""
    return processes(len(examples)) > 1


class _AloneError(Exception):
    """A part must be read by this process, and then all of them."""
