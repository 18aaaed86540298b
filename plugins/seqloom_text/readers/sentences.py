"""The sentences of CoNLL columns: which lines are tokens, and how many columns they have."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from seqloom.data import TextFile

logger = logging.getLogger("seqloom")

DOCUMENT = "-DOCSTART-"
NUMBERED = ".conllu"
TAG = re.compile(r"O|[BIESLU]-\S+")

MOST_SPELLINGS = 200_000
"""Number of words and tags that are kept once, after which others are."""

MOST_LINES = 100_000
"""Maximum number of lines of a sentence."""


@dataclass(slots=True)
class Sentence:
    """The rows of a sentence, the line where it starts, and its document's number.

    Attributes:
        line: Line where the sentence starts; if it has a problem, where that is.
        document: Number of the document, from 1; 0 before the first.
        lines: The line of each token.
        rows: The cells of each token, all of one width.
        problem: Why the sentence cannot be read; empty if it can.
    """

    line: int
    document: int
    lines: list[int] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    problem: str = ""


@dataclass(slots=True)
class _Line:
    """A line that is not blank: its number, its text without line end, and its problem."""

    number: int
    text: str
    problem: str = ""


class SentenceReader:
    """Reads the sentences of a file once.

    A line that begins with the mark of comments is a token if it has as many columns as the tokens
    around it. Where spaces separate the columns, a comment may have as many words; before the first
    token of a sentence such a line must therefore also have a tag.

    Args:
        text: File.
        columns: Field → column, from 1 or backwards from -1.
        tags: Fields that are tags.
        delimiter: Character between columns; None: a tab in lines that have one, otherwise spaces.
        comment: Mark of comments; None: ``#`` in CoNLL-U, none otherwise.
    """

    def __init__(
        self,
        text: TextFile,
        columns: Mapping[str, int],
        tags: Collection[str],
        delimiter: str | None,
        comment: str | None,
    ) -> None:
        self.text = text
        self._columns = columns
        self._tags = tags
        self._delimiter = delimiter
        self._numbered = text.suffix == NUMBERED
        self._comment = comment if comment is not None else "#" * self._numbered
        self._width, self._most = 0, 0  # an empty cell at the end may or may not be there
        self._known = False  # whether a sentence was read that has that many
        self._separated = delimiter is not None  # by something else than spaces
        self._seen: set[str] = set()
        self._spellings: dict[str, str] = {}
        self._counts: Counter[str] = Counter()

    def sentences(self) -> Iterator[Sentence]:
        """Yield the sentences, each as soon as the line after it is there."""
        for document, block in self._blocks():
            lines = self._without_comments(block)
            if lines:
                yield self._sentence(lines, document)
        self._report()

    def places(self, width: int) -> dict[str, int]:
        """Return field → position in rows of a width; one that is not there is out of range."""
        return {name: c - 1 if c > 0 else width + c for name, c in self._columns.items()}

    def _blocks(self) -> Iterator[tuple[int, list[_Line]]]:
        """Yield the number of the document and the lines between blank ones."""
        document, block = 0, list[_Line]()
        problems: dict[int, str] = {}
        for number, raw in self.text.lines(problems):
            line = _Line(number, raw.rstrip("\r\n"), problems.pop(number, ""))
            begins = line.text.startswith(DOCUMENT)
            if not begins and line.text.strip(" \t"):
                if len(block) >= MOST_LINES:
                    raise self.text.error(
                        block[0].number,
                        f"a sentence of more than {MOST_LINES} lines; expected a blank line after "
                        "each sentence.",
                    )
                block.append(line)
                continue
            if block:
                yield document, block
            document, block = document + begins, []
        if block:
            yield document, block

    def _sentence(self, lines: list[_Line], document: int) -> Sentence:
        sentence = Sentence(lines[0].number, document)
        sentence.lines = [line.number for line in lines]
        sentence.rows = self._usual(lines)
        for line in lines if not sentence.rows else ():
            row, most = self._cells(line.text)
            problem = line.problem or self._misfit(len(row), most) or self._wrong_number(row)
            if problem:
                if not self._known:  # how many columns the file has, another sentence must tell
                    self._width = 0
                return Sentence(line.number, document, problem=problem)
            self._separated = self._separated or "\t" in line.text.strip(" \t")
            sentence.rows.append(row)
        self._known = True
        for row in sentence.rows:
            row.extend([""] * (self._width - len(row)))
        if self._comment:
            self._seen.update(tag for row in sentence.rows for tag in self._tags_of(row))
        return sentence

    def _usual(self, lines: list[_Line]) -> list[list[str]]:
        """Return the rows of a sentence whose lines are all as most are; none if one is not.

        Such lines have one mark between cells, no other white space, and as many cells as those
        before, so that nothing is stripped, and there is nothing to learn or to refuse. Each
        spelling is kept once, since most words come again.
        """
        width, (mark, other) = self._width, ("\t ", " \t")[not self._separated]
        if self._numbered or self._delimiter is not None or width < 2:
            return []
        rows, spelled = [], self._spellings.setdefault
        if len(self._spellings) > MOST_SPELLINGS:
            self._spellings.clear()
        for line in lines:
            row = line.text.split(mark)
            if len(row) != width or "" in row or other in line.text or line.problem:
                return []
            rows.append([spelled(cell, cell) for cell in row])
        self._most = width
        return rows

    def _cells(self, text: str) -> tuple[list[str], int]:
        """Return the cells of a line up to the last that is not empty, and how many it may have."""
        bare = text.rstrip(" \t")
        trailing = text[len(bare) :].count("\t")
        if self._delimiter is None and "\t" not in bare:
            # Only the space splits: str.split() would also split at no-break spaces.
            cells = [cell for cell in bare.split(" ") if cell]
        else:
            cells = [cell.strip(" ") for cell in bare.split(self._delimiter or "\t")]
        return cells, len(cells) + trailing

    def _misfit(self, width: int, most: int) -> str:
        """Return what is wrong with a line's number of columns; it is remembered if nothing is."""
        first = not self._width
        low, high = max(self._width, width), most if first else min(self._most, most)
        # Columns that are counted backwards would be others in the sentences before.
        moved = not first and low > self._width and min(self._columns.values()) < 0
        if low <= high and not moved:
            self._width, self._most = low, high
            return ""
        return (
            f"the line has {width} columns, the first one of the file has {self._width}. Is "
            "data.delimiter right, and does a blank line end each sentence?"
        )

    def _wrong_number(self, row: list[str]) -> str:
        if not self._numbered or row[0].isdecimal():
            return ""
        return (
            f"{row[0]!r} is not a word number: multi-word tokens and empty nodes of CoNLL-U "
            "are not supported; remove these lines."
        )

    def _without_comments(self, lines: list[_Line]) -> list[_Line]:
        """Return the lines that are tokens."""
        if not self._comment or not any(line.text.startswith(self._comment) for line in lines):
            return lines
        plain = [line.text for line in lines if not line.text.startswith(self._comment)]
        rows = [self._cells(text)[0] for text in plain]
        separated = self._separated or any("\t" in text.strip(" \t") for text in plain)
        width = self._width or (len(rows[0]) if rows else 0)
        most = self._most if self._width else width
        known = self._seen.union(*(self._tags_of(row) for row in rows))
        kept: list[_Line] = []
        for line in lines:
            if not line.text.startswith(self._comment):
                kept.append(line)
                continue
            row, longest = self._cells(line.text)
            fits = max(len(row), width) <= min(longest, most) and not self._numbered
            if separated:
                fits = fits and (self._delimiter or "\t") in line.text
            elif not kept:
                fits = fits and all(t in known or TAG.fullmatch(t) for t in self._tags_of(row))
            kept += [line] * fits
            self._counts["tokens" if fits else "comments"] += 1
        return kept

    def _tags_of(self, row: list[str]) -> list[str]:
        places = self.places(len(row))
        return [row[places[name]] for name in self._tags if 0 <= places[name] < len(row)]

    def _report(self) -> None:
        """Say how many lines began with the mark of comments."""
        tokens, comments = self._counts["tokens"], self._counts["comments"]
        if comments:
            logger.info(
                "%s: %d lines that begin with %r were skipped as comments.",
                self.text.shown,
                comments,
                self._comment,
            )
        if tokens:
            logger.info(
                "%s: %d lines that begin with %r have as many columns as the tokens, and were read "
                "as tokens.",
                self.text.shown,
                tokens,
                self._comment,
            )
