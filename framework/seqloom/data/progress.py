"""Log how far reading and encoding large data has come; nothing is logged of small data."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import TypeVar

from seqloom.errors import plural

T = TypeVar("T")

log = logging.getLogger("seqloom.progress")

INTERVAL = 5.0
"""Seconds between two messages, and before the first one."""


def progress(
    items: Iterable[T],
    what: str,
    units: tuple[str, str] = ("example", "examples"),
    total: int | None = None,
) -> Iterator[T]:
    """Yield items, and log every few seconds how many there were.

    Args:
        items: Items.
        what: What is done, for the messages: ``Reading the train split``.
        units: What one item is, and what several are.
        total: Their number; None: what they say, if they have a length.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    of = "" if total is None else f" of {total:,}"
    start = last = time.monotonic()
    for count, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if now - last >= INTERVAL:
            last = now
            things = plural(count if total is None else total, *units)
            log.info("%s: %s%s %s (%.0f s)", what, f"{count:,}", of, things, now - start)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Log every few seconds that something is still being done in the block."""
    start, done = time.monotonic(), threading.Event()

    def tell() -> None:
        while not done.wait(INTERVAL):
            log.info("%s (%.0f s)", what, time.monotonic() - start)

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def show_progress() -> None:
    """Print progress to standard error, for commands that have set up no logging."""
    if not log.handlers:
        log.addHandler(_StandardError())
    log.setLevel(logging.INFO)


class _StandardError(logging.Handler):
    """Prints messages to what is standard error at that time."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a message."""
        print(record.getMessage(), file=sys.stderr, flush=True)
