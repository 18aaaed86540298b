"""Tables with a header, in UTF-8: .csv by the rules of CSV, anything else parted by tabs."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from seqloom.data.fetch import file_name, local_path
from seqloom.errors import DataError, did_you_mean
from seqloom.interfaces.example import Origin

TABLES = (".tsv", ".csv")
TARGETS = ("label", "text")  # the fields that can be predicted
T = TypeVar("T")
LONGEST_CELL = 1 << 24  # characters; the csv module's own limit is 131072


@dataclass(slots=True)
class Row:
    """One row of a table: its number from 1, the line where it starts, field → cell."""

    number: int
    origin: Origin
    values: dict[str, str]


def is_table(path: str) -> bool:
    """Return whether the path or pinned URL names a table."""
    return file_name(path).lower().endswith(TABLES)


def stem(path: str) -> str:
    """Return the file's name without folder and suffix, for the ids of its examples."""
    return Path(file_name(path)).stem


def refuse_stdin(paths: Iterable[str], expected: str) -> None:
    """Refuse ``-`` among the paths.

    Raises:
        DataError: it is there; the text says what is expected.
    """
    if "-" in paths:
        raise DataError(f"- (standard input) cannot be read by this reader; give {expected}.")


def refuse_empty(what: str, items: Iterator[T]) -> Iterator[T]:
    """Yield the items.

    Raises:
        DataError: there was none.
    """
    empty = True
    for item in items:
        empty = False
        yield item
    if empty:
        raise DataError(f"{what}: no examples in it.")


def read_table(
    path: str, columns: Mapping[str, str], required: Iterable[str]
) -> tuple[Path, Iterator[Row]]:
    """Return the local file of a table, and its rows.

    Args:
        path: of the table, or its pinned URL.
        columns: field → column.
        required: the fields whose columns must be there; others are left out if absent.

    Raises:
        DataError: the table is missing or malformed; the rows raise it too.
    """
    file = local_path(path)
    return file, _rows(file, columns, set(required))


def _rows(file: Path, columns: Mapping[str, str], required: set[str]) -> Iterator[Row]:
    cells = _cells(file)
    line, header = next(cells, (1, []))
    if not header:
        raise DataError(f"{file}:1: the file is empty; expected a header with the columns' names.")
    places = _places(file, header, columns, required)
    for number, (line, row) in enumerate(cells, 1):
        if len(row) != len(header):
            raise DataError(
                f"{file}:{line}: the row has {len(row)} cells, the header has {len(header)}. A "
                ".tsv is parted by tabs, a .csv by commas, with quotes around cells with commas."
            )
        yield Row(number, Origin(str(file), line), {n: row[p] for n, p in places.items()})


def _places(
    file: Path, header: list[str], columns: Mapping[str, str], required: set[str]
) -> dict[str, int]:
    """Return field → position in a row."""
    for name, column in columns.items():
        if column not in header and name in required:
            raise DataError(
                f"{file}:1: no column {column!r}, from which data.columns.{name} reads. "
                f"{did_you_mean(column, header)}"
            )
        if header.count(column) > 1:
            raise DataError(f"{file}:1: the header has the column {column!r} more than once.")
    return {name: header.index(column) for name, column in columns.items() if column in header}


def _cells(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the line where each row starts and its cells, without blank lines."""
    lines = _lines(file)
    if file.suffix.lower() == ".csv":
        yield from _quoted(file, lines)
        return
    for number, line in enumerate(lines, 1):
        bare = line.removesuffix("\n").removesuffix("\r")
        if bare:
            yield number, bare.split("\t")


def _quoted(file: Path, lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(lines, strict=True)
    start = 1
    try:
        for row in reader:
            if row:
                yield start, row
            start = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{file}:{start}: the row that starts here is not well-formed: {error}. Double the "
            "quotes inside a quoted cell and close the last one."
        ) from None


def _lines(file: Path) -> Iterator[str]:
    r"""Yield the lines with their ends; only ``\n`` ends a line."""
    with file.open("rb") as stream:
        for number, raw in enumerate(stream, 1):
            try:
                yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{file}:{number}: not UTF-8: byte 0x{error.object[error.start]:02x} at place "
                    f"{error.start + 1} of the line. Convert it, say by iconv -f LATIN1 -t UTF-8."
                ) from None
