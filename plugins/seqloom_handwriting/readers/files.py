"""What the readers share: folders and zip files, tables, and refusals."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from seqloom.data import (
    Table,
    TextFile,
    file_name,
    has_member,
    is_url,
    local_path,
    member_names,
    read_member,
)
from seqloom.errors import DataError
from seqloom.files import expanded, read_limited

ARCHIVES = (".zip", ".npz")


@dataclass(frozen=True)
class Folder:
    """A folder or a zip file; files in it are named relative to it, with slashes."""

    path: Path

    @classmethod
    def find(cls, path: str) -> Folder:
        """Return the folder or zip file that a path or pinned URL names.

        Raises:
            DataError: The file does not exist, or is not a zip file.
        """
        folder = expanded(path)
        if not is_url(path) and folder.is_dir():
            return cls(folder)
        found = cls(local_path(path))
        try:
            member_names(str(found.path))
        except ValueError as error:
            raise DataError(str(error)) from None
        return found

    @classmethod
    def of_table(cls, table: Path, given: str | None, suffix: str) -> list[Folder]:
        """Return where the files are that a table names: each is in the first place that has it.

        Args:
            table: Local file.
            given: Place that the config names; None stands for the archive of the table's name
                beside it, or else the folder of that name and the table's own folder.
            suffix: Suffix of the archive.

        Raises:
            DataError: The place is not there.
        """
        if given is not None:
            return [cls.find(given)]
        archive, own = table.with_suffix(suffix), table.with_suffix("")
        if archive.is_file():
            return [cls.find(str(archive))]
        return [cls(place) for place in (own, table.parent) if place.is_dir()]

    @property
    def zipped(self) -> bool:
        """Whether this is a zip file."""
        return not self.path.is_dir()

    def names(self) -> list[str]:
        """Return the names of all files, sorted naturally; hidden ones are left out."""
        if self.zipped:
            names = member_names(str(self.path))
        else:
            files = (file for file in self.path.rglob("*") if file.is_file())
            names = [file.relative_to(self.path).as_posix() for file in files]
        return sorted((name for name in names if not _hidden(name)), key=natural)

    def __contains__(self, name: str) -> bool:
        if not self.zipped:
            return os.path.isfile(self.path / name)  # noqa: PTH113 - Path's raises for long names
        return has_member(str(self.path), name)

    def place(self, name: str) -> tuple[str, str | None]:
        """Return the path of a file and, if it is in a zip file, its name there."""
        return (str(self.path), name) if self.zipped else (str(self.path / name), None)

    def shown(self, name: str) -> str:
        """Return the file's name in messages."""
        return str(self.path / name)

    def read(self, name: str, largest: int) -> bytes:
        """Return the bytes of a file.

        Raises:
            ValueError: It cannot be read, or is larger than ``largest`` bytes.
        """
        return read_file(*self.place(name), largest)


def is_folder(path: str) -> bool:
    """Return whether a path names a folder, or a path or pinned URL a zip file."""
    named_so = file_name(path).lower().endswith(ARCHIVES)
    folder = expanded(path)
    return named_so or (not is_url(path) and folder.is_dir())


def natural(name: str) -> tuple[list[str | int], str]:
    """Return a key that sorts numbers in names by their value.

    >>> sorted(["b10", "b9", "a"], key=natural)
    ['a', 'b9', 'b10']
    """
    parts = re.split(r"(\d+)", name)
    # Python refuses to convert more than 4300 digits.
    return [int(part[:4000]) if i % 2 else part for i, part in enumerate(parts)], name


def _hidden(name: str) -> bool:
    return any(part.startswith(".") for part in PurePosixPath(name).parts)


LARGEST_IMAGE = 1 << 28
"""Maximum size of an image file in bytes."""
LARGEST_ARRAY = 1 << 30
"""Maximum size of a .npy file in bytes."""
LARGEST_XML = 1 << 25
"""Maximum size of a file of XML in bytes."""
LARGEST_TEXT = 1 << 20
"""Maximum size of a file with the text of one line, in bytes."""


def read_file(path: str, member: str | None, largest: int) -> bytes:
    """Return the bytes of a file, or of a member of a zip file.

    Args:
        path: Path of the file, or of the zip file.
        member: Name in the zip file; None: the path is that of the file itself.
        largest: Maximum size in bytes, by the kind of file.

    Raises:
        ValueError: It is missing, damaged or too large.
    """
    if member is not None:
        return read_member(path, member, largest)
    try:
        return read_limited(Path(path), largest)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}.") from None
    except DataError as error:
        raise ValueError(str(error)) from None


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
        DataError: ``-`` is among the paths; the text says what is expected.
    """
    if "-" in paths:
        raise DataError(f"- (standard input) cannot be read by this reader. Pass {expected}.")


def refuse_empty(what: str, items: Iterator[T]) -> Iterator[T]:
    """Yield the items.

    Raises:
        DataError: There are no items.
    """
    empty = True
    for item in items:
        empty = False
        yield item
    if empty:
        raise DataError(f"{what}: no examples in it.")
