"""Folders and zip files with one interface."""

from __future__ import annotations

import os
import zipfile
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

from seqloom_sound.schemas import SUFFIXES

LARGEST = 1 << 30  # bytes of an unpacked sound


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
            names = _opened(self.path).namelist()
        else:
            names = [file.relative_to(self.path).as_posix() for file in self.path.rglob("*")]
        return sorted(name for name in names if is_sound_file(name) and not _hidden(name))

    def __contains__(self, name: str) -> bool:
        if self.zipped:
            return name in _opened(self.path).NameToInfo
        return (self.path / name).is_file()

    def read(self, name: str) -> bytes:
        """Return the bytes of a file.

        Raises:
            ValueError: If the file is missing or cannot be read.
        """
        try:
            return _member(self.path, name) if self.zipped else (self.path / name).read_bytes()
        except OSError as error:
            raise ValueError(f"{self.path / name} cannot be read: {error.strerror}.") from None


def is_sound_file(name: str) -> bool:
    """Return whether a file has a suffix of sounds."""
    return name.lower().endswith(SUFFIXES)


def _hidden(name: str) -> bool:
    return any(part.startswith(".") for part in PurePosixPath(name).parts)


def _member(path: Path, name: str) -> bytes:
    archive = _opened(path)
    try:
        info = archive.getinfo(name)
        if info.file_size > LARGEST:
            raise ValueError(f"{path}/{name} has {info.file_size} bytes unpacked.")
        return archive.read(info)
    except KeyError:
        raise ValueError(f"{path} has no member {name!r}.") from None
    except (EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path}: the member {name!r} cannot be read: {error}.") from None


def _opened(path: Path) -> ZipFile:
    """Return the opened zip file, cached until it changes on disk.

    Each process opens its own: after a fork, two processes would share the position in the file.
    """
    try:
        state = path.stat()
        return _handle(path, os.getpid(), state.st_mtime_ns, state.st_size)
    except (OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} cannot be opened as a zip file: {error}.") from None


@lru_cache(maxsize=16)
def _handle(path: Path, process: int, changed: int, size: int) -> ZipFile:
    return ZipFile(path)
