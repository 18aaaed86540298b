"""Read ahead of the model without making it wait for more than one input."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Iterator
from typing import TypeVar

T = TypeVar("T")
_END = object()


def chunks(items: Iterator[T], most: int) -> Iterator[list[T]]:
    """Yield the items in lists: those that have arrived, at least one and at most ``most``.

    A thread reads ahead by a few lists, so a slow input is processed at once and a fast one in full
    batches, in constant memory.

    Args:
        items: Items, which are read once.
        most: Maximum length of a list.

    Raises:
        Exception: The error of the iterator, after the items before it.
    """
    ready: queue.Queue[object] = queue.Queue(maxsize=4 * most)
    # If the program ends while the thread waits for standard input, Python would close it and
    # abort. An object that the thread refers to is not closed.
    reader = threading.Thread(target=_read, args=(items, ready, sys.stdin), daemon=True)
    reader.start()
    while True:
        chunk, end = _available(ready, most)
        if chunk:
            yield chunk  # type: ignore[misc]
        if isinstance(end, _Failure):
            raise end.error
        if end is _END:
            return


def _read(items: Iterator[object], ready: queue.Queue[object], _held: object) -> None:
    """Put the items into the queue, then the mark of their end, or the error."""
    try:
        for item in items:
            ready.put(item)
        ready.put(_END)
    except BaseException as error:  # raised again where the items are used
        ready.put(_Failure(error))


def _available(ready: queue.Queue[object], most: int) -> tuple[list[object], object]:
    """Return the items that have arrived, waiting only for the first, and the mark of the end."""
    chunk: list[object] = []
    while len(chunk) < most:
        try:
            item = ready.get(block=not chunk)
        except queue.Empty:
            return chunk, None
        if item is _END or isinstance(item, _Failure):
            return chunk, item
        chunk.append(item)
    return chunk, None


class _Failure:
    """An error on its way from the reading thread."""

    def __init__(self, error: BaseException) -> None:
        self.error = error
