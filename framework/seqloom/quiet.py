"""Log less within a block."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet(level: int, *names: str) -> Iterator[None]:
    """Log only records of a level and above within the block.

    Args:
        level: Lowest level that is logged.
        names: Names of the loggers.
    """
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(level)
    try:
        yield
    finally:
        for name, before in levels.items():
            logging.getLogger(name).setLevel(before)


@contextmanager
def withheld() -> Iterator[list[str]]:
    """Collect what seqloom and its plugins log within the block, and log none of it."""
    said: list[str] = []

    class Collect(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            said.append(record.getMessage())
            return False

    own, log = Collect(), logging.getLogger("seqloom")
    log.filters.insert(0, own)
    try:
        yield said
    finally:
        log.removeFilter(own)
