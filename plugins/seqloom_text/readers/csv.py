"""CSV and TSV: one example a row."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from seqloom.data.split import SplitConfig
from seqloom.errors import ConfigError, did_you_mean
from seqloom.interfaces.example import Origin
from seqloom_text.readers.base import FileReader, Record, missing
from seqloom_text.readers.files import STDIN, TextFile, has_suffix
from seqloom_text.schemas_data import field_kinds, text_and_label

Row = tuple[int, list[str]]
"""The line where a row starts, and its cells."""

LONGEST_CELL = 1 << 24  # characters; the csv module's own limit is 131072


class CsvReader(FileReader):
    """Reads CSV and TSV files in UTF-8; see `CsvConfig` for the parameters."""

    def __init__(
        self,
        *,
        columns: Mapping[str, str] | None = None,
        train: str | None = None,
        val: str | None = None,
        test: str | None = None,
        split: SplitConfig | Mapping[str, Any] | None = None,
        delimiter: str | None = None,
        header: bool = True,
        quoting: bool = True,
        kinds: Mapping[str, str] | None = None,
        labels_separator: str = "|",
        id_column: str | None = None,
    ) -> None:
        columns = dict(columns or text_and_label())
        files = {"train": train, "val": val, "test": test}
        super().__init__(files, split, field_kinds(columns, kinds or {}), labels_separator)
        self._columns = columns
        self._delimiter = delimiter
        self._header = header
        self._quoting = quoting
        self._id_column = id_column
        self._check()

    def _check(self) -> None:
        if self._delimiter is not None and len(self._delimiter) != 1:
            raise ConfigError(f"data.delimiter={self._delimiter!r}: expected one character.")
        for name, column in self._columns.items():
            if not self._header and not (column.isdecimal() and int(column) > 0):
                raise ConfigError(
                    f"data.columns.{name}={column}: without a header, columns are numbered from 1."
                )

    def records(self, file: str, targets: bool) -> Iterator[Record]:
        """Yield a record for each row; see `FileReader.records`."""
        text = TextFile.find(file)
        rows = _same_width(text, self._rows(text, file), self._header)
        names = self._names(text, rows)
        columns = None
        for line, cells in rows:
            if columns is None:
                names = names or [str(number) for number in range(1, len(cells) + 1)]
                columns = self._places(text, names, targets)
            values = {name: cells[place] for name, place in columns.items()}
            ident = values.pop("", None)
            yield Record(values, Origin(text.shown, line), ident)

    def _names(self, text: TextFile, rows: Iterator[Row]) -> list[str]:
        """Return the names of the columns if a header has them."""
        if not self._header:
            return []
        line, names = next(rows, (0, []))
        if not line:
            raise text.error(1, "the file is empty; expected a header with the columns' names.")
        return names

    def _places(self, text: TextFile, names: list[str], targets: bool) -> dict[str, int]:
        """Return field → position in the row; under the empty name that of the ids."""
        absent = [name for name, column in self._columns.items() if column not in names]
        for name in missing(absent, self.kinds, targets):
            raise self._no_column(text, f"data.columns.{name}", self._columns[name], names)
        wanted = {name: column for name, column in self._columns.items() if name not in absent}
        if self._id_column is not None and (targets or self._id_column in names):
            if self._id_column not in names:
                raise self._no_column(text, "data.id_column", self._id_column, names)
            wanted[""] = self._id_column
        for column in wanted.values():
            if names.count(column) > 1:
                raise text.error(1, f"the header has the column {column!r} more than once.")
        return {name: names.index(column) for name, column in wanted.items()}

    def _no_column(self, text: TextFile, option: str, column: str, names: list[str]) -> Exception:
        return text.error(
            1,
            f"no column {column!r}, from which {option} reads. {did_you_mean(column, names)} "
            "Name all that are to be read: data.columns='{text: COLUMN, label: COLUMN}'.",
        )

    def _rows(self, text: TextFile, file: str) -> Iterator[Row]:
        delimiter = self._delimiter or ("\t" if self._is_tsv(file) else ",")
        if self._quoting:
            yield from _quoted(text, delimiter)
        else:
            for number, line in text.lines():
                bare = line.removesuffix("\n").removesuffix("\r")
                yield number, bare.split(delimiter) if bare else []

    def _is_tsv(self, file: str) -> bool:
        # Standard input has no suffix: it is like the files that were trained on.
        like = next(iter(self.files.values()), STDIN) if file == STDIN else file
        return has_suffix(like, ".tsv")


def _quoted(text: TextFile, delimiter: str) -> Iterator[Row]:
    csv.field_size_limit(LONGEST_CELL)
    lines = (line for _, line in text.lines())
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    start = 1
    try:
        for cells in reader:
            yield start, cells
            start = reader.line_num + 1
    except csv.Error as error:
        raise text.error(
            start,
            f"the row that starts here is not well-formed: {error}. Double the quotes inside a "
            "quoted cell, close the last one, or read quotes as they are by data.quoting=false.",
        ) from None


def _same_width(text: TextFile, rows: Iterable[Row], header: bool) -> Iterator[Row]:
    """Yield the rows, all of the same width; blank lines may only end the file."""
    width, blank = 0, 0
    for line, cells in rows:
        if not cells and width != 1:
            blank = blank or line
            continue
        width = width or len(cells)
        if blank or (cells and len(cells) != width):
            found = 0 if blank else len(cells)
            model = "header" if header else "first row"
            raise text.error(
                blank or line,
                f"the row has {found} cells, the {model} has {width}. Is the delimiter right, and "
                "are cells that contain it quoted?",
            )
        yield line, cells or [""]
