"""Read inputs in lists that are large enough to batch well, and soon enough to answer a pipe."""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
_END = object()

GAP = 0.02
"""Seconds without a new item after which those that have arrived are a list."""

LONGEST_WAIT = 0.25
"""Seconds in which a list is complete, however many items are still to come."""

ATTENTION = 0.5
"""Seconds after which a thread that waits for room looks whether it should stop."""


def lists(items: Iterator[T], size: Callable[[], int]) -> Iterator[list[T]]:
    """Yield the items in lists of the sizes that ``size`` returns; the last may be shorter.

    Args:
        items: Items, which are read once, not before they are needed.
        size: Function that returns the maximum length of the next list.

    Raises:
        Exception: The error of the iterator, after the items before it.
    """
    failures: list[Exception] = []
    careful = _until_error(items, failures)
    while chunk := list(islice(careful, size())):
        yield chunk
    if failures:
        raise failures[0]


def chunks(items: Iterator[T], size: Callable[[], int], ahead: int) -> Iterator[list[T]]:
    """Yield the items in lists: those that arrive without a gap, at least one.

    A thread reads ahead, so a slow input is processed at once and a fast one in full batches, in
    constant memory.

    Args:
        items: Items, which are read once.
        size: Function that returns the maximum length of the next list.
        ahead: Maximum number of items that are read and not yet in a list.

    Raises:
        Exception: The error of the iterator, after the items before it.
    """
    ready: queue.Queue[object] = queue.Queue(maxsize=ahead)
    # If the program ends while the thread waits for standard input, Python would close it and
    # abort. An object that the thread refers to is not closed.
    stopped = threading.Event()
    reader = threading.Thread(target=_read, args=(items, ready, stopped, sys.stdin), daemon=True)
    reader.start()
    try:
        while True:
            chunk, end = _available(ready, size())
            if chunk:
                yield chunk  # type: ignore[misc]
            if isinstance(end, _Failure):
                raise end.error
            if end is _END:
                return
    finally:
        stopped.set()


def _until_error(items: Iterator[T], failures: list[Exception]) -> Iterator[T]:
    """Yield the items before an error, and keep that."""
    try:
        yield from items
    except Exception as error:
        failures.append(error)


def _read(
    items: Iterator[object], ready: queue.Queue[object], stopped: threading.Event, _held: object
) -> None:
    """Put the items into the queue, then the mark of their end, or the error, unless stopped."""
    try:
        for item in items:
            if not _put(ready, item, stopped):
                return
        _put(ready, _END, stopped)
    except BaseException as error:  # raised again where the items are used
        _put(ready, _Failure(error), stopped)


def _put(ready: queue.Queue[object], item: object, stopped: threading.Event) -> bool:
    """Put an item into the queue as soon as there is room; return False if stopped instead."""
    while not stopped.is_set():
        try:
            ready.put(item, timeout=ATTENTION)
        except queue.Full:
            continue
        return True
    return False


def _available(ready: queue.Queue[object], most: int) -> tuple[list[object], object]:
    """Return the items that have arrived, and the mark of the end.

    Waits for the first item, and then as long as there are new ones, up to a limit.
    """
    chunk: list[object] = []
    deadline = 0.0
    while len(chunk) < most:
        wait = min(GAP, deadline - time.monotonic()) if chunk else None
        try:
            # Waiting for no time at all, not even for what is there, would be an error.
            item = ready.get_nowait() if wait is not None and wait <= 0 else ready.get(timeout=wait)
        except queue.Empty:
            return chunk, None
        if item is _END or isinstance(item, _Failure):
            return chunk, item
        if not chunk:
            deadline = time.monotonic() + LONGEST_WAIT
        chunk.append(item)
    return chunk, None


class _Failure:
    """An error on its way from the reading thread."""

    def __init__(self, error: BaseException) -> None:
        self.error = error
