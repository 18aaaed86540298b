"""What readers of tables, folders and files share: tables of .tsv and .csv, and refusals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from seqloom.data import Table, TextFile, file_name
from seqloom.errors import DataError

TABLES = (".tsv", ".csv")
TARGETS = ("label", "text")  # the fields that can be predicted
T = TypeVar("T")


def is_table(path: str) -> bool:
    """Return whether the path or pinned URL names a table."""
    return file_name(path).lower().endswith(TABLES)


def open_table(path: str) -> Table:
    """Return the table of a path or pinned URL: .csv by the rules of CSV, .tsv split at tabs.

    Raises:
        DataError: The file does not exist, or cannot be downloaded.
    """
    file = TextFile.find(path)
    return Table(file, quoting=file.suffix == ".csv", skip_blank=True)


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
