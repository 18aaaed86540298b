"""Where documents begin in CoNLL columns."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

logger = logging.getLogger("seqloom")

DOCUMENT = "-DOCSTART-"
OF_MARKS = ("-X-", "(", DOCUMENT)
"""How other cells of marks begin: in CoNLL 2003 and 2002, and where the document has a name."""


@dataclass(slots=True)
class Line:
    """A line that is not blank: its number, its text without line end, and its problem."""

    number: int
    text: str
    problem: str = ""


class DocumentMarks:
    """Tells the lines that begin a document from tokens which are spelled like them.

    A line whose first cell is ``-DOCSTART-`` begins a document wherever it is, with blank lines
    around it or without, unless it has the tag of an entity.

    Args:
        file: Name of the file in messages.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self._open = 0  # number of the line before, if it is a mark that could be a token
        self._tokens: list[int] = []
        self._beside: list[int] = []

    def begins(self, line: Line, cells: Sequence[str], *, inside: bool, entity: bool) -> bool:
        """Return whether a line that starts with the mark begins a document.

        Args:
            line: The line.
            cells: Its cells.
            inside: Whether a token is before it, without a blank line between.
            entity: Whether it has the tag of an entity.
        """
        if entity or (cells[0] != DOCUMENT and not cells[0].startswith(f"{DOCUMENT}(")):
            self._tokens.append(line.number)
            return False
        if not any(cell.startswith(OF_MARKS) for cell in cells[1:]):
            self._open = line.number
            self._beside += [line.number] * inside
        return True

    def before_token(self, number: int) -> None:
        """Look at the number of a line that is a token."""
        if self._open and self._open == number - 1 and self._open not in self._beside[-1:]:
            self._beside.append(self._open)
        self._open = 0

    def report(self) -> None:
        """Say which lines may have been meant otherwise."""
        if self._tokens:
            logger.info(
                "%s:%d: %r in a sentence was read as a token (lines like this: %d).",
                self._file,
                self._tokens[0],
                DOCUMENT,
                len(self._tokens),
            )
        if self._beside:
            logger.warning(
                "%s:%d: %r beside a token, with no blank line between, was read as the beginning "
                "of a document and of a sentence, not as a token (lines like this: %d).",
                self._file,
                self._beside[0],
                DOCUMENT,
                len(self._beside),
            )
