"""Folders and zip files with one interface."""

from __future__ import annotations

import io
import os
import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from seqloom.data import has_member, member_names, read_member
from seqloom.errors import DataError
from seqloom.files import read_limited, refuse_large
from seqloom_sound.schemas.data import SUFFIXES

LARGEST = 1 << 30  # bytes of a file in a .zip, or of any that is read at once
LONGEST = 1 << 40  # bytes of a sound file that is read part by part


@dataclass(frozen=True)
class Place:
    """A folder or a zip file; files in it are named relative to it, with slashes."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def zipped(self) -> bool:
        """Whether this is a zip file."""
        return os.path.isfile(self.path)  # noqa: PTH113 - Path's raises for long names

    def names(self) -> list[str]:
        """Return the names of all files, sorted; hidden ones are left out, links are followed.

        Raises:
            ValueError: If this is neither a folder nor a zip file.
        """
        names = member_names(str(self.path)) if self.zipped else _files(self.path)
        return sorted(name for name in names if not is_hidden(name))

    def __contains__(self, name: str) -> bool:
        if self.zipped:
            return self.member(name) is not None
        return os.path.isfile(self.path / name)  # noqa: PTH113 - as above

    def member(self, name: str) -> str | None:
        """Return the member of a zip file that a name means, ``a.wav`` for ``./a.wav``, or None.

        Raises:
            ValueError: If this is not a zip file.
        """
        if has_member(str(self.path), name):
            return name
        plain = posixpath.normpath(name)
        inside = not plain.startswith("..") and has_member(str(self.path), plain)
        return plain if inside else None

    def read(self, name: str, largest: int = LARGEST) -> bytes:
        """Return the bytes of a file of at most ``largest`` bytes.

        Raises:
            ValueError: If the file is missing or cannot be read; the text is a sentence.
        """
        if self.zipped:
            return read_member(str(self.path), name, largest)
        with self._sentences(name):
            return read_limited(self.path / name, largest)

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Yield the bytes of a file as a stream; those in zip files are unpacked before.

        Raises:
            ValueError: If the file is missing or cannot be read; the text is a sentence.
        """
        if self.zipped:
            yield io.BytesIO(self.read(name))
            return
        with self._sentences(name):
            refuse_large(self.path / name, LONGEST)
            stream = (self.path / name).open("rb")
        with stream:
            yield stream

    @contextmanager
    def _sentences(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ValueError(f"{self.path / name} cannot be read: {error.strerror}.") from None
        except DataError as error:
            raise ValueError(str(error)) from None


def _files(folder: Path) -> Iterator[str]:
    """Yield the names of all files below a folder; a link to a folder that it is in is left out."""
    above: dict[str, frozenset[tuple[int, int]]] = {str(folder): frozenset()}
    for path, folders, files in os.walk(folder, followlinks=True):
        seen = above.pop(path) | {_identity(path)}
        names = {name: os.path.join(path, name) for name in folders}  # noqa: PTH118 - as os.walk
        folders[:] = [name for name, inner in names.items() if _identity(inner) not in seen]
        above |= {names[name]: seen for name in folders}
        yield from ((Path(path) / name).relative_to(folder).as_posix() for name in files)


def _identity(folder: str) -> tuple[int, int]:
    status = Path(folder).stat()
    return status.st_dev, status.st_ino


def is_sound_file(name: str) -> bool:
    """Return whether a file has a suffix of sounds."""
    return name.lower().endswith(SUFFIXES)


def is_hidden(name: str) -> bool:
    """Return whether a file, or a folder that it is in, is hidden."""
    return any(part.startswith(".") for part in PurePosixPath(name).parts)
