"""Log less within a block."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


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
    """Collect what any logger logs within the block, and warnings of Python, and show none of it.

    Filters and handlers of single loggers do not see what loggers below or beside them log, so that
    what all loggers call is replaced; this is for processes that do nothing else meanwhile.
    """
    said: list[str] = []

    def collect(_: logging.Logger, record: logging.LogRecord) -> None:
        said.append(record.getMessage())

    def warn(message: Warning | str, *_: Any, **__: Any) -> None:
        said.append(str(message))

    handle, show = logging.Logger.handle, warnings.showwarning
    logging.Logger.handle = collect  # type: ignore[method-assign, assignment]
    warnings.showwarning = warn
    try:
        yield said
    finally:
        logging.Logger.handle = handle  # type: ignore[method-assign]
        warnings.showwarning = show
