"""Tables with a header, in UTF-8: .csv by the rules of CSV, .tsv parted by tabs."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from seqloom.errors import DataError, did_you_mean


def read_table(
    file: Path, columns: Mapping[str, str], required: Collection[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield for each row the line where it starts, and its cells by field.

    Args:
        file: the table.
        columns: field → column.
        required: the fields whose columns must be there; others are left out if absent.

    Raises:
        DataError: the table is not UTF-8 or malformed, or lacks a column.
    """
    rows = _rows(file)
    line, header = next(rows, (1, []))
    if not header:
        raise DataError(f"{file}: the table is empty; expected a header with the columns' names.")
    for name, column in columns.items():
        if column not in header and name in required:
            raise DataError(
                f"{file}:{line}: no column {column!r}, from which data.columns.{name} reads. "
                f"{did_you_mean(column, header)}"
            )
    places = {name: header.index(col) for name, col in columns.items() if col in header}
    for line, row in rows:
        if len(row) != len(header):
            raise DataError(
                f"{file}:{line}: the row has {len(row)} cells, the header has {len(header)}."
            )
        yield line, {name: row[place] for name, place in places.items()}


def _rows(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the line where each row starts and its cells, without blank lines."""
    stream = io.StringIO(_text(file), newline="")
    if file.suffix.lower() == ".csv":
        reader = csv.reader(stream, strict=True)
    else:
        reader = csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
    start = 1
    try:
        for row in reader:
            if row:
                yield start, row
            start = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{file}:{start}: the row is not well-formed: {error}.") from None


def _text(file: Path) -> str:
    data = file.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{file}:{line}: not UTF-8: byte 0x{data[error.start]:02x}; convert the table."
        ) from None
