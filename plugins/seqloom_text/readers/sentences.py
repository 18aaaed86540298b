"""The sentences of CoNLL columns: which lines are tokens, and how many columns they have."""

from __future__ import annotations

import logging
import re
from array import array
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from seqloom.data import TextFile
from seqloom.errors import plural
from seqloom_text.readers.documents import DOCUMENT, DocumentMarks, Line

logger = logging.getLogger("seqloom")

NUMBERED = ".conllu"
TAG = re.compile(r"O|[BIESLUMW]-\S+")

_OTHER_WORD = re.compile(r"\d+[-.]\d+")
"""How CoNLL-U numbers what is no word: 1-2, 1.1."""

MOST_SPELLINGS = 200_000
"""Number of words and tags that are kept once, after which others are."""

MOST_LINES = 100_000
"""Maximum number of lines of a sentence."""


@dataclass(slots=True)
class Sentence:
    """The cells of a sentence, the line where it starts, and its document's number.

    Attributes:
        line: Line where the sentence starts; if it has a problem, where that is.
        document: Number of the document, from 1; 0 before the first.
        lines: The line of each token.
        width: Number of cells of a token.
        cells: The cells of all tokens, one after the other.
        problem: Why the sentence cannot be read; empty if it can.
    """

    line: int
    document: int
    lines: Sequence[int] = ()
    width: int = 0
    cells: list[str] = field(default_factory=list)
    problem: str = ""

    def column(self, place: int) -> list[str]:
        """Return the cells of a column, counted from 0."""
        return self.cells[place :: self.width]


@dataclass(frozen=True)
class Learned:
    """What the lines before a place of a file say about those after it.

    Attributes:
        document: Number of the document.
        width: Number of cells of a token; 0: not known yet.
        most: The same with an empty cell at the end, which may or may not be there.
        known: Whether a sentence was read that has that many.
        separated: Whether something else than spaces separates the cells.
    """

    document: int = 0
    width: int = 0
    most: int = 0
    known: bool = False
    separated: bool = False


@cache
def _pattern(mark: str, width: int, comment: str) -> re.Pattern[str]:
    """Return the pattern of a sentence and the blank line after it; the cells are its group."""
    cell = r"[^\t \r\n]++"
    other = "|".join(map(re.escape, filter(None, (DOCUMENT, comment))))
    line = rf"(?!{other}){cell}(?:{mark}{cell}){{{width - 1}}}"
    return re.compile(rf"({line}(?:\n{line})*+)\n\n")


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
        comment: Mark of comments; None or empty: there are none.
        numbered: Whether the tokens are numbered, as in CoNLL-U.
        learned: What is known at the beginning, where that is not the beginning of the file.
    """

    def __init__(
        self,
        text: TextFile,
        columns: Mapping[str, int],
        tags: Collection[str],
        delimiter: str | None,
        comment: str | None,
        *,
        numbered: bool,
        learned: Learned | None = None,
    ) -> None:
        self.text = text
        self._columns = columns
        self._tags = tags
        self._delimiter = delimiter
        self._numbered = numbered
        self._comment = comment or ""
        own = learned or Learned(separated=delimiter is not None)
        self._document, self._width, self._most = own.document, own.width, own.most
        self._known, self._separated = own.known, own.separated
        self._seen: set[str] = set()
        self._spellings: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._padded = array("q")  # numbers of lines
        self._hashes = array("q")  # those of first lines of sentences that begin with a mark
        self._marks = DocumentMarks(text.shown)

    def sentences(self) -> Iterator[Sentence]:
        """Yield the sentences, each as soon as the line after it is there."""
        block = list[Line]()
        problems: dict[int, str] = {}
        for first, text in self.text.runs(problems):
            number, start = first, 0
            while start < len(text):
                usual = None if block else self._usual(text, start, number)
                if usual:
                    self._marks.before_token(number)
                    yield usual
                    number += len(usual.lines) + 1
                    start = text.index("\n\n", start) + 2
                    continue
                end = text.find("\n", start) + 1 or len(text)
                line = Line(number, text[start:end].rstrip("\r\n"), problems.pop(number, ""))
                number, start = number + 1, end
                begins = self._begins_document(line, block)
                if line.text.strip(" \t") and not begins:
                    self._append(block, line)
                    continue
                yield from self._of_lines(block)
                self._document, block = self._document + begins, []
        yield from self._of_lines(block)
        self._report()

    @property
    def learned(self) -> Learned:
        """What the lines that were read say about those after them."""
        return Learned(self._document, self._width, self._most, self._known, self._separated)

    @property
    def counted(self) -> bool:
        """Whether there are lines that `sentences` counts, to say at the end how many."""
        return bool(self._hashes or self._padded or self._counts)

    def places(self, width: int) -> dict[str, int]:
        """Return field → position in rows of a width; one that is not there is out of range."""
        return {name: c - 1 if c > 0 else width + c for name, c in self._columns.items()}

    def _begins_document(self, line: Line, block: Sequence[Line]) -> bool:
        """Return whether a line after those of a block begins a document."""
        if not line.text.startswith(DOCUMENT):
            if line.text.strip(" \t") and not self._is_comment(line):
                self._marks.before_token(line.number)
            return False
        row = self._cells(line.text)[0]
        tags = self._tags_of(row) if len(row) > 1 else []
        entity = any(TAG.fullmatch(tag) and tag != "O" for tag in tags)
        inside = any(not self._is_comment(one) for one in block)
        return self._marks.begins(line, row, inside=inside, entity=entity)

    def _is_comment(self, line: Line) -> bool:
        """Return whether a line begins with the mark of comments."""
        return bool(self._comment) and line.text.startswith(self._comment)

    def _append(self, block: list[Line], line: Line) -> None:
        if len(block) >= MOST_LINES:
            raise self.text.error(
                block[0].number,
                f"a sentence of more than {MOST_LINES} lines; expected a blank line after "
                "each sentence.",
            )
        block.append(line)

    def _of_lines(self, block: list[Line]) -> Iterator[Sentence]:
        """Yield the sentence of the lines between blank ones, if one of them is a token."""
        lines = self._without_comments(block)
        if not lines:
            return
        if not self._comment and lines[0].text.startswith("# "):
            self._hashes.append(lines[0].number)
        rows: list[list[str]] = []
        for line in lines:
            row, most = self._cells(line.text)
            problem = line.problem or self._misfit(len(row), most) or self._wrong_number(row)
            if problem and not self._comment and lines[0].text.startswith("#"):
                problem += " If lines that begin with # are comments: data.comment='\"#\"'."
            if problem:
                if not self._known:  # how many columns the file has, another sentence must tell
                    self._width = 0
                yield Sentence(line.number, self._document, problem=problem)
                return
            self._separated = self._separated or "\t" in line.text.strip(" \t")
            if self._is_padded(line.text):
                self._padded.append(line.number)
            rows.append(row)
        self._known = True
        for row in rows:
            row.extend([""] * (self._width - len(row)))
        if self._comment:
            self._seen.update(tag for row in rows for tag in self._tags_of(row))
        cells = [cell for row in rows for cell in row]
        numbers = [line.number for line in lines]
        yield Sentence(numbers[0], self._document, numbers, self._width, self._spelled(cells))

    def _usual(self, text: str, start: int, number: int) -> Sentence | None:
        """Return the sentence at a place of a text if its lines are all as most are.

        Such lines have one mark between cells, no other white space, and as many cells as those
        before, so that nothing is stripped, and there is nothing to learn or to refuse.
        """
        width, mark = self._width, "\t" if self._separated else " "
        if self._numbered or self._delimiter is not None or width < 2:
            return None
        found = _pattern(mark, width, self._comment).match(text, start)
        if found is None:
            return None
        cells = found[1].replace("\n", mark).split(mark)
        count = len(cells) // width
        if count > MOST_LINES:
            return None
        self._most = width
        if self._comment:
            places = self.places(width)
            for name in self._tags:
                self._seen.update(cells[places[name] :: width] if 0 <= places[name] < width else ())
        lines = range(number, number + count)
        if not self._comment and cells[0] == "#":
            self._hashes.append(number)
        return Sentence(number, self._document, lines, width, self._spelled(cells))

    def _spelled(self, cells: list[str]) -> list[str]:
        """Return cells that are kept once, since most words come again."""
        if len(self._spellings) > MOST_SPELLINGS:
            self._spellings.clear()
        return [*map(self._spellings.setdefault, cells, cells)]

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

    def _is_padded(self, text: str) -> bool:
        """Return whether spaces beside the delimiter are left out of a line's cells."""
        mark = self._delimiter or "\t"
        return mark in text and any(cell != cell.strip(" ") for cell in text.split(mark))

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
            f"the line has {width} {plural(width, 'column')}, the first one of the file has "
            f"{self._width}. Is "
            "data.delimiter right, and does a blank line end each sentence?"
        )

    def _wrong_number(self, row: list[str]) -> str:
        if not self._numbered or row[0].isdecimal():
            return ""
        what = f"{row[0]!r} is not a word number"
        if _OTHER_WORD.fullmatch(row[0]):
            return (
                f"{what}: multi-word tokens and empty nodes of CoNLL-U are not supported; remove "
                "these lines, with grep -vE '^[0-9]+[-.][0-9]' FILE."
            )
        return f"{what}, which begins each line of a CoNLL-U file."

    def _without_comments(self, lines: list[Line]) -> list[Line]:
        """Return the lines that are tokens."""
        if not self._comment or not any(line.text.startswith(self._comment) for line in lines):
            return lines
        plain = [line.text for line in lines if not line.text.startswith(self._comment)]
        rows = [self._cells(text)[0] for text in plain]
        separated = self._separated or any("\t" in text.strip(" \t") for text in plain)
        width = self._width or (len(rows[0]) if rows else 0)
        most = self._most if self._width else width
        known = self._seen.union(*(self._tags_of(row) for row in rows))
        kept: list[Line] = []
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
        """Say how many lines began with the mark of comments, or of a document in a sentence."""
        self._marks.report()
        if len(self._hashes) > 1:
            logger.warning(
                "%s:%d: sentences whose first line begins with '# ', which is read as a token: %d. "
                "If these are comments: data.comment='\"#\"'.",
                self.text.shown,
                self._hashes[0],
                len(self._hashes),
            )
        if self._padded:
            logger.info(
                "%s:%d: spaces around the cells are left out (lines like this: %d).",
                self.text.shown,
                self._padded[0],
                len(self._padded),
            )
        tokens, comments = self._counts["tokens"], self._counts["comments"]
        if comments:
            logger.info(
                "%s: lines that begin with %r were skipped as comments: %d.",
                self.text.shown,
                self._comment,
                comments,
            )
        if tokens:
            logger.info(
                "%s: lines that begin with %r, with as many columns as the tokens, were read as "
                "tokens: %d.",
                self.text.shown,
                self._comment,
                tokens,
            )
