"""Tables in text files: CSV, TSV, and the like."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from seqloom.data.text_file import Line, TextFile, without_end
from seqloom.errors import Cause, DataError, did_you_mean, plural
from seqloom.interfaces.example import Origin

DELIMITERS = ("\t", ",", ";", "|")
MOST_LINES = 100_000  # of one row, in quoted cells
_MARK = re.compile(r"\"?sep=([^\r\n])\"?\r?\n?")
"""The line before the header by which Excel knows the delimiter."""
LONGEST_CELL = 1 << 24  # characters; the csv module's own limit is 131072


@dataclass(slots=True)
class Cells:
    """The line where a row starts, its cells, why it cannot be read, if so, and its last line."""

    line: int
    cells: list[str]
    problem: str = ""
    last: int = 0


@dataclass(slots=True)
class TableRow:
    """One row of a table.

    Attributes:
        number: Number of the row, from 1; the header is not counted.
        origin: File, and line where the row starts.
        values: Field → cell.
        problem: Why the row cannot be read, and has no values; empty if it can.
    """

    number: int
    origin: Origin
    values: dict[str, str]
    problem: str = ""


class Table:
    """A table that is read once, row by row.

    Args:
        file: Path, pinned URL, ``-`` for standard input, or a `TextFile` that was found before. A
            file that ends in ``.gz`` is decompressed while it is read.
        delimiter: Character between cells; None: a tab for ``.tsv``, a comma otherwise.
        delimiter_key: Key of the config that sets it, for messages; empty if none does.
        header: Whether the first row names the columns; otherwise they are named ``1``, ``2`` …
        quoting: Whether ``"`` protects delimiters and line ends; False reads quotes literally.
        skip_blank: Whether blank lines are skipped; otherwise they may only end the file. In a
            table with one column they are empty cells.
        skip_empty: Whether rows of empty cells are skipped like blank lines.
        lines: Lines of the file, if some of them have been read before.
        problems: Whether a row that cannot be read is yielded with its problem; otherwise it is an
            error.

    Its file is closed when the rows end, are no longer read, or are wrong. Whoever does not come to
    read rows closes it.

    Attributes:
        file: File that is read.
        blank: Lines of the rows that were skipped so far because they are blank.

    Raises:
        DataError: The file does not exist, or cannot be downloaded.
    """

    def __init__(
        self,
        file: str | TextFile,
        *,
        delimiter: str | None = None,
        delimiter_key: str = "",
        header: bool = True,
        quoting: bool = True,
        skip_blank: bool = False,
        skip_empty: bool = False,
        lines: Iterable[Line] | None = None,
        problems: bool = False,
    ) -> None:
        self.file = file if isinstance(file, TextFile) else TextFile.find(file)
        self._delimiter = delimiter or ("\t" if self.file.suffix == ".tsv" else ",")
        self._delimiter_key = delimiter_key
        self._header = header
        self._skip_blank = skip_blank
        self._skip_empty = skip_empty
        self._yields_problems = problems
        self._bad_lines: dict[int, str] = {}
        self.blank: list[int] = []
        self._opened = self.file.lines(self._bad_lines if problems else None)
        if lines is None:
            lines = self._after_mark(self._opened, given=delimiter is not None)
        cells = self._quoted(lines) if quoting else self._split(lines)
        self._cells = self._of_one_width(cells)

    def close(self) -> None:
        """Close the file; nothing more is read."""
        self._opened.close()

    @cached_property
    def columns(self) -> list[str]:
        """The names of the columns; empty if there is neither a header nor a row.

        Raises:
            DataError: The file is empty, and a header is expected.
        """
        first = next(self._cells, None)
        if first is None and self._header:
            raise self.file.error(
                1, "the file is empty; expected a header with the columns' names."
            )
        if first is None:
            return []
        if first.problem and (self._header or not first.cells):
            raise self.file.error(first.line, first.problem)
        if self._header:
            return first.cells
        self._cells = _chained(first, self._cells)
        return [str(number) for number in range(1, len(first.cells) + 1)]

    def rows(
        self, columns: Mapping[str, str], required: Iterable[str] | None = None
    ) -> Iterator[TableRow]:
        """Yield the rows with the cells of some columns.

        Args:
            columns: Field → column.
            required: Fields whose columns must exist; others are left out if they do not. None:
                all of them.

        Raises:
            DataError: The table is malformed, or lacks a column; names file and line.
        """
        with closing(self):
            places = self._places(columns, columns if required is None else required)
            for number, row in enumerate(self._cells, 1):
                if row.problem and not self._yields_problems:
                    raise self.file.error(row.line, row.problem)
                usable = {} if row.problem else places
                values = {field: row.cells[place] for field, place in usable.items()}
                yield TableRow(number, Origin(self.file.shown, row.line), values, row.problem)

    def _places(self, columns: Mapping[str, str], required: Iterable[str]) -> dict[str, int]:
        """Return field → position in a row, of the columns that exist.

        Raises:
            DataError: A required column does not exist, or one is there twice.
        """
        names = self.columns
        for field in required if names else ():
            if columns[field] not in names:
                raise self.missing(columns[field], f"data.columns.{field}")
        for column in columns.values():
            if names.count(column) > 1:
                raise self.file.error(1, f"the header has the column {column!r} more than once.")
        return {field: names.index(one) for field, one in columns.items() if one in names}

    def missing(self, column: str, option: str, hint: str = "") -> DataError:
        """Return the error for a missing column that an option names; ``hint`` says what to do."""
        hint = self.other_delimiter(column) or hint
        known = did_you_mean(column, self.columns)
        problem = f"no column {column!r}, from which {option} reads. {known} {hint}"
        return self.file.error(1, problem.rstrip(), cause=Cause.no_column)

    def other_delimiter(self, column: str = "") -> str:
        """Return a sentence on what seems to be between the cells instead; empty if nothing does.

        Args:
            column: Column that there is if so; otherwise there are several instead of one.
        """
        header = self._delimiter.join(self.columns)
        for other in DELIMITERS:
            names = header.split(other)
            if other == self._delimiter or not (
                column in names or len(names) > len(self.columns) == 1
            ):
                continue
            there = "is one" if column in names else f"are {len(names)} columns"
            remedy = f"write the line {f'sep={other}'!r} before the header"
            if self._delimiter_key:
                name = "tab" if other == "\t" else f"'\"{other}\"'"
                remedy = f"{self._delimiter_key}={name}"
            return f"With {other!r} between the cells there {there}: {remedy}"
        return ""

    def _after_mark(self, lines: Iterator[Line], *, given: bool) -> Iterator[Line]:
        """Return the lines without the first one if it is Excel's, which names the delimiter.

        Args:
            lines: All lines.
            given: Whether the delimiter was named; otherwise that of the line is taken.
        """
        first = next(lines, None)
        if first is None:
            return lines
        mark = _MARK.fullmatch(first[1])
        if mark is None:
            return chain((first,), lines)
        if not given:
            self._delimiter = mark[1]
        return lines

    def _split(self, lines: Iterable[Line]) -> Iterator[Cells]:
        for number, line in lines:
            bare = without_end(line)
            cells = bare.split(self._delimiter) if bare else []
            yield Cells(number, cells, self._bad_lines.pop(number, ""))

    def _quoted(self, lines: Iterable[Line]) -> Iterator[Cells]:
        csv.field_size_limit(LONGEST_CELL)
        feed = _Feed(lines)
        reader = csv.reader(feed, delimiter=self._delimiter, strict=True)
        one_line_each = True
        while True:
            feed.row = []
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Cells(feed.row[0][0], [], _not_well_formed(error))
                # A quote that is not closed swallows the rows after it. Where each row was one
                # line so far, those are read again; otherwise they may be parts of cells.
                if one_line_each:
                    feed.again.extendleft(reversed(feed.row[1:]))
                continue
            one_line_each = one_line_each and len(feed.row) == 1
            bad = (self._bad_lines.pop(line, "") for line, _ in feed.row)
            yield Cells(feed.row[0][0], cells, next(filter(None, bad), ""), feed.row[-1][0])

    def _of_one_width(self, rows: Iterable[Cells]) -> Iterator[Cells]:
        """Yield the rows, with a problem unless all have the same width; without blank lines."""
        width, blank, skipped = 0, 0, list[int]()
        header = list[str]()
        for row in rows:
            if width != 1 and not row.problem and self._is_skipped(row.cells):
                skipped.append(row.line)
                continue
            self.blank += skipped  # and not those at the end of the file
            skipped.clear()
            if not row.cells and not row.problem and width != 1:
                blank = blank or row.line
                continue
            if blank and width:
                yield Cells(blank, [], self._wrong_width(0, width))
            elif blank:
                raise self.file.error(blank, self._wrong_width(0, len(row.cells)))
            blank = 0
            width = width or len(row.cells)
            if row.cells and len(row.cells) != width and not row.problem:
                row.problem = self._wrong_width(len(row.cells), width, row)
            if self._header and not header:
                header = row.cells
            elif (
                width > 1
                and header
                and row.cells[-1:] == header[-1:]
                and _repeats(row.cells, header)
            ):
                row.problem = "the header appears again; were files concatenated? Delete this line."
            if not row.problem:
                row.cells = row.cells or [""]
            yield row

    def _is_skipped(self, cells: Sequence[str]) -> bool:
        if not cells:
            return self._skip_blank
        return self._skip_empty and not any(cell.strip() for cell in cells)

    def _wrong_width(self, found: int, width: int, row: Cells | None = None) -> str:
        model = "header" if self._header else "first row"
        if row is not None and row.last > row.line:
            return (
                f"the row, which continues to line {row.last} inside quotes, has {found} "
                f"{plural(found, 'cell')}, the {model} has {width}. Double the quotes inside a "
                "quoted cell and close each one, or read quotes literally (quoting=false)."
            )
        return (
            f"the row has {found} {plural(found, 'cell')}, the {model} has {width}. Is the "
            "delimiter right, and are "
            "cells that contain it quoted?"
        )


class _Feed:
    """The lines of a table for the csv module, with those of the row that is being read.

    Attributes:
        row: Numbers and lines of the current row.
        again: Lines to read before the others.
    """

    def __init__(self, lines: Iterable[Line]) -> None:
        self.row: list[Line] = []
        self.again: deque[Line] = deque()
        self._lines = iter(lines)

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        line = self.again.popleft() if self.again else next(self._lines)
        if len(self.row) >= MOST_LINES:
            raise csv.Error(f"it has more than {MOST_LINES} lines")
        self.row.append(line)
        return line[1]


def _repeats(cells: Sequence[str], header: Sequence[str]) -> bool:
    """Return whether a row is the header again, perhaps with the mark that begins a file."""
    return cells == header or [cells[0].removeprefix("\ufeff"), *cells[1:]] == header


def _not_well_formed(error: csv.Error) -> str:
    if "new-line" in str(error):
        return (
            "the row that starts here has a CR that ends no line and is in no quoted cell. Convert "
            "the line ends, for example with tr '\\r' '\\n', or quote the cell."
        )
    return (
        f"the row that starts here is not well-formed: {error}. Double the quotes inside a quoted "
        "cell and close the last one, or read quotes literally (quoting=false)."
    )


def _chained(first: Cells, rest: Iterator[Cells]) -> Iterator[Cells]:
    yield first
    yield from rest
