"""Where documents begin in CoNLL columns, and tokens that are spelled like the mark of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass

logger = logging.getLogger("seqloom")

DOCUMENT = "-DOCSTART-"
OF_MARKS = ("-X-", "(")
"""How other cells of marks begin: in CoNLL 2003, and where the document has a name."""


@dataclass(slots=True)
class Line:
    """A line that is not blank: its number, its text without line end, and its problem."""

    number: int
    text: str
    problem: str = ""


class DocumentMarks:
    """Tells the lines that begin a document from tokens which are spelled like them.

    A line that begins with ``-DOCSTART-`` and could be a token is one between tokens. It begins a
    document after or before a blank line, and everywhere in a file in which such a line is followed
    by a token: the blank lines around them are left out there.

    Args:
        file: Name of the file in messages.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self._open: Line | None = None  # a mark, after which a line may follow
        self._could_be_token = False  # the open one
        self._in_block: list[int] = []  # numbers of the block's lines that may be either
        self._loose = False  # whether marks have no blank line after them
        self._tokens: list[int] = []
        self._doubtful: list[int] = []

    def begins(self, line: Line, inside: bool, *, fits: bool, sure: bool) -> bool:
        """Return whether a line with the mark begins a document.

        Args:
            line: The line.
            inside: Whether tokens are before it, without a blank line between.
            fits: Whether it has the columns of a token.
            sure: Whether it cannot be a mark.
        """
        if sure:
            self._tokens.append(line.number)
            return False
        if fits and inside and not self._loose:
            self._in_block.append(line.number)
            return False
        self._open, self._could_be_token = line, fits
        if fits and inside:
            self._doubtful.append(line.number)
        return True

    def before_token(self, number: int) -> None:
        """Look at a line's number that is none of these and not blank."""
        if self._open is not None and self._open.number == number - 1:
            self._loose = True
            if self._could_be_token and self._open.number not in self._doubtful[-1:]:
                self._doubtful.append(self._open.number)
        self._open = None

    def ends(self, block: list[Line]) -> bool:
        """Return whether the last line before a blank one begins a document, and remove it."""
        either, self._in_block = self._in_block, []
        begins = bool(block and either and either[-1] == block[-1].number)
        if begins:
            block.pop()
            self._doubtful.append(either.pop())
        self._tokens += either
        return begins

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
        if self._doubtful:
            logger.warning(
                "%s:%d: %r beside a token, with no blank line between, was read as the beginning "
                "of a document, not as a token (lines like this: %d).",
                self._file,
                self._doubtful[0],
                DOCUMENT,
                len(self._doubtful),
            )
