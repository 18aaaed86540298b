"""The log of a run, ``train.log``."""

from __future__ import annotations

import logging
from pathlib import Path

from seqloom.files import cannot_write, refuse_odd


class RunLog(logging.FileHandler):
    """Appends to a file, and refuses one that cannot be written in a sentence.

    Args:
        filename: Path of the file.

    Raises:
        RunError: It cannot be written, or is not a regular file.
    """

    def __init__(self, filename: str) -> None:
        path = Path(filename)
        refuse_odd(path)
        try:
            super().__init__(path, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise cannot_write(path, error) from error
