"""Folders and zip files with one interface."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from seqloom.data import has_member, member_names, read_member
from seqloom.errors import DataError
from seqloom.files import read_limited
from seqloom_sound.schemas.data import SUFFIXES

LARGEST = 1 << 30  # bytes of a sound file


@dataclass(frozen=True)
class Place:
    """A folder or a zip file; files in it are named relative to it, with slashes."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def zipped(self) -> bool:
        """Whether this is a zip file."""
        return self.path.is_file()

    def sounds(self) -> list[str]:
        """Return the names of all sounds, sorted; hidden ones are left out.

        Raises:
            ValueError: If this is neither a folder nor a zip file.
        """
        if self.zipped:
            names = member_names(str(self.path))
        else:
            names = [file.relative_to(self.path).as_posix() for file in self.path.rglob("*")]
        return sorted(name for name in names if is_sound_file(name) and not _hidden(name))

    def __contains__(self, name: str) -> bool:
        if self.zipped:
            return has_member(str(self.path), name)
        return os.path.isfile(self.path / name)  # noqa: PTH113 - Path's raises for long names

    def read(self, name: str) -> bytes:
        """Return the bytes of a file.

        Raises:
            ValueError: If the file is missing or cannot be read.
        """
        if self.zipped:
            return read_member(str(self.path), name, LARGEST)
        try:
            return read_limited(self.path / name, LARGEST)
        except OSError as error:
            raise ValueError(f"{self.path / name} cannot be read: {error.strerror}.") from None
        except DataError as error:
            raise ValueError(str(error)) from None


def is_sound_file(name: str) -> bool:
    """Return whether a file has a suffix of sounds."""
    return name.lower().endswith(SUFFIXES)


def _hidden(name: str) -> bool:
    return any(part.startswith(".") for part in PurePosixPath(name).parts)
