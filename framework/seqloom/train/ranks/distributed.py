"""Communication between the ranks of a run: the processes that train one model together.

A single process is rank 0 of 1, and nothing here makes it wait. With several, each rank must make
the same calls in the same order: `gathered` and `from_first` wait for all of them. Before the
process group exists, every process is rank 0 of 1.
"""

from __future__ import annotations

from typing import TypeVar

from torch import distributed

T = TypeVar("T")


def rank() -> int:
    """Return the number of this process, from 0."""
    return distributed.get_rank() if _several() else 0


def world_size() -> int:
    """Return the number of processes."""
    return distributed.get_world_size() if _several() else 1


def is_first() -> bool:
    """Return whether this process writes the files and the user's messages."""
    return rank() == 0


def gathered(value: T) -> list[T]:
    """Return every rank's value, in the order of the ranks.

    Args:
        value: Anything that can be pickled; its tensors are on the CPU.
    """
    if not _several():
        return [value]
    found: list[T] = [value] * world_size()
    distributed.all_gather_object(found, value)
    return found


def from_first(value: T) -> T:
    """Return the first rank's value on every rank.

    Args:
        value: As for `gathered`; ignored on the other ranks.
    """
    if not _several():
        return value
    box = [value]
    distributed.broadcast_object_list(box, src=0)
    return box[0]


def barrier() -> None:
    """Wait until every rank has reached this call."""
    if _several():
        distributed.barrier()


def _several() -> bool:
    """Return whether there is a process group; some builds of torch have none."""
    return distributed.is_available() and distributed.is_initialized()
