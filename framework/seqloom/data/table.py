"""Tables in text files: CSV, TSV, and the like."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from seqloom.data.text_file import Line, TextFile, without_end
from seqloom.errors import DataError, did_you_mean
from seqloom.interfaces.example import Origin

LONGEST_CELL = 1 << 24  # characters; the csv module's own limit is 131072

Cells = tuple[int, list[str]]
"""The line where a row starts, and its cells."""


@dataclass(slots=True)
class TableRow:
    """One row of a table.

    Attributes:
        number: Number of the row, from 1; the header is not counted.
        origin: File, and line where the row starts.
        values: Field → cell.
    """

    number: int
    origin: Origin
    values: dict[str, str]


class Table:
    """A table that is read once, row by row.

    Args:
        file: Path, pinned URL, ``-`` for standard input, or a `TextFile` that was found before. A
            file that ends in ``.gz`` is decompressed while it is read.
        delimiter: Character between cells; None: a tab for ``.tsv``, a comma otherwise.
        header: Whether the first row names the columns; otherwise they are named ``1``, ``2`` …
        quoting: Whether ``"`` protects delimiters and line ends; False takes quotes literally.
        skip_blank: Whether blank lines are skipped; otherwise they may only end the file. In a
            table with one column they are empty cells.
        lines: Lines of the file, if some of them have been read before.

    Attributes:
        file: File that is read.

    Raises:
        DataError: The file does not exist, or cannot be downloaded.
    """

    def __init__(
        self,
        file: str | TextFile,
        *,
        delimiter: str | None = None,
        header: bool = True,
        quoting: bool = True,
        skip_blank: bool = False,
        lines: Iterable[Line] | None = None,
    ) -> None:
        self.file = file if isinstance(file, TextFile) else TextFile.find(file)
        self._delimiter = delimiter or ("\t" if self.file.suffix == ".tsv" else ",")
        self._header = header
        self._skip_blank = skip_blank
        lines = self.file.lines() if lines is None else lines
        cells = self._quoted(lines) if quoting else self._split(lines)
        self._cells = self._of_one_width(cells)

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
        if self._header:
            return first[1]
        self._cells = _chained(first, self._cells)
        return [str(number) for number in range(1, len(first[1]) + 1)]

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
        names = self.columns
        if not names:
            return
        for field in columns if required is None else required:
            if columns[field] not in names:
                raise self.missing(columns[field], f"data.columns.{field}")
        places = {}
        for field, column in columns.items():
            if names.count(column) > 1:
                raise self.file.error(1, f"the header has the column {column!r} more than once.")
            if column in names:
                places[field] = names.index(column)
        for number, (line, cells) in enumerate(self._cells, 1):
            values = {field: cells[place] for field, place in places.items()}
            yield TableRow(number, Origin(self.file.shown, line), values)

    def missing(self, column: str, option: str, hint: str = "") -> DataError:
        """Return the error for a missing column that an option names; ``hint`` says what to do."""
        known = did_you_mean(column, self.columns)
        problem = f"no column {column!r}, from which {option} reads. {known} {hint}"
        return self.file.error(1, problem.rstrip())

    def _split(self, lines: Iterable[Line]) -> Iterator[Cells]:
        for number, line in lines:
            bare = without_end(line)
            yield number, bare.split(self._delimiter) if bare else []

    def _quoted(self, lines: Iterable[Line]) -> Iterator[Cells]:
        csv.field_size_limit(LONGEST_CELL)
        reader = csv.reader((line for _, line in lines), delimiter=self._delimiter, strict=True)
        start = 1
        try:
            for cells in reader:
                yield start, cells
                start = reader.line_num + 1
        except csv.Error as error:
            raise self.file.error(
                start,
                f"the row that starts here is not well-formed: {error}. Double the quotes inside a "
                "quoted cell and close the last one, or read quotes literally (quoting=false).",
            ) from None

    def _of_one_width(self, rows: Iterable[Cells]) -> Iterator[Cells]:
        """Yield the rows, all of the same width, without blank lines."""
        width, blank = 0, 0
        for line, cells in rows:
            if not cells and (self._skip_blank or width != 1):
                blank = blank or (0 if self._skip_blank else line)
                continue
            width = width or len(cells)
            if blank or (cells and len(cells) != width):
                found = 0 if blank else len(cells)
                model = "header" if self._header else "first row"
                raise self.file.error(
                    blank or line,
                    f"the row has {found} cells, the {model} has {width}. Is the delimiter right, "
                    "and are cells that contain it quoted?",
                )
            yield line, cells or [""]


def _chained(first: Cells, rest: Iterator[Cells]) -> Iterator[Cells]:
    yield first
    yield from rest
