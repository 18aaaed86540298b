"""Lines of text files, as they arrive, each with its number."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from seqloom.data import local_path
from seqloom.errors import DataError

STDIN = "-"

Line = tuple[int, str]
"""A line's number, from 1, and its text without the line end."""


@dataclass(frozen=True)
class TextFile:
    """A text file, perhaps packed by gzip, or standard input.

    Attributes:
        path: of the file here, or ``-``.
    """

    path: str

    @classmethod
    def find(cls, file: str) -> TextFile:
        """Return the file that a path, a pinned URL or ``-`` names.

        Raises:
            DataError: there is no such file, or it cannot be fetched.
        """
        return cls(STDIN if file == STDIN else str(local_path(file)))

    @property
    def shown(self) -> str:
        """The file's name in messages."""
        return "<stdin>" if self.path == STDIN else self.path

    @property
    def stem(self) -> str:
        """The file's name without folder and suffixes."""
        return "stdin" if self.path == STDIN else Path(self.path.removesuffix(".gz")).stem

    def error(self, line: int, problem: str) -> DataError:
        """Return the error for a line, numbered from 1."""
        return DataError(f"{self.shown}:{line}: {problem}")

    def lines(self) -> Iterator[Line]:
        """Yield the lines.

        Raises:
            DataError: the file cannot be read or unpacked, or is no text.
        """
        number = 0
        try:
            with self._open() as stream:
                for number, raw in enumerate(stream, 1):
                    yield number, self._decoded(raw, number)
        except (OSError, EOFError, zlib.error) as error:
            raise self.error(number + 1, f"cannot be read: {error}") from None

    def _open(self) -> AbstractContextManager[BinaryIO]:
        if self.path == STDIN:
            return nullcontext(sys.stdin.buffer)
        if self.path.lower().endswith(".gz"):
            return cast("BinaryIO", gzip.open(self.path, "rb"))
        return Path(self.path).open("rb")

    def _decoded(self, raw: bytes, number: int) -> str:
        try:
            return raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise self.error(
                number,
                f"not UTF-8: byte 0x{raw[error.start]:02x} at place {error.start + 1} of the line; "
                "sequences are plain letters. Is this the right file?",
            ) from None
