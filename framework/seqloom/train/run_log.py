"""The log of a run, ``train.log`` in its folder, and who writes it.

Hydra attaches the handler before it calls the task, as ``hydra.job_logging`` of ``train.yaml``
says; with several ranks that a run has launched, the first one attaches it too, in
`seqloom.train.ranks.rank`. In a program that calls `seqloom.fit`, logging is the program's own.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from seqloom.files import cannot_write, refuse_odd
from seqloom.train.foreign_link import refuse_foreign_link

FORMAT_VARIABLE = "SEQLOOM_LOG_FORMAT"
"""Environment variable that holds the log format of the process that started this one."""


class RunLog(logging.FileHandler):
    """Appends to a file, and refuses one that cannot be written in a sentence.

    If the disk is full later, that is said once: what the run itself cannot write ends it.

    Args:
        filename: Path of the file.

    Raises:
        RunError: It cannot be written, or is not a regular file.
    """

    def __init__(self, filename: str) -> None:
        path = Path(filename)
        try:
            refuse_odd(path)
            refuse_foreign_link(path)
            super().__init__(path, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise cannot_write(path, error) from error
        self._told = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Say that a record cannot be written; any other error is logging's own."""
        error = sys.exc_info()[1]
        if isinstance(error, OSError):
            self._tell(error)
        else:
            super().handleError(record)

    def close(self) -> None:
        """Close the file, whose last lines may be lost."""
        try:
            super().close()
        except OSError as error:
            self._tell(error)

    def _tell(self, error: OSError) -> None:
        if not self._told:
            self._told = True
            reason = error.strerror or error
            print(f"{self.baseFilename} is incomplete: {reason}.", file=sys.stderr)
