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

from seqloom.data.fetch import file_name, local_path
from seqloom.errors import DataError

STDIN = "-"
BOM = b"\xef\xbb\xbf"


def stem(file: str) -> str:
    """Return the file's name without folder and suffixes, for the ids of its examples.

    >>> stem("data/train.tsv.gz"), stem("-")
    ('train', 'stdin')
    """
    return "stdin" if file == STDIN else Path(file_name(file).removesuffix(".gz")).stem


def has_suffix(file: str, suffix: str) -> bool:
    """Return whether the file has the suffix, not counting ``.gz``.

    >>> has_suffix("data/train.TSV.gz", ".tsv")
    True
    """
    return file != STDIN and file_name(file).lower().removesuffix(".gz").endswith(suffix)


@dataclass(frozen=True)
class TextFile:
    """A text file in UTF-8, perhaps packed by gzip, or standard input.

    Attributes:
        path: as errors and origins name it.
    """

    path: str

    @classmethod
    def find(cls, file: str) -> TextFile:
        """Return the file that a path, a pinned URL or ``-`` names.

        Raises:
            DataError: there is no such file, or it cannot be fetched.
        """
        return cls(STDIN if file == STDIN else str(local_path(file)))

    def error(self, line: int, problem: str) -> DataError:
        """Return the error for a line, numbered from 1."""
        return DataError(f"{self.shown}:{line}: {problem}")

    @property
    def shown(self) -> str:
        """The file's name in messages."""
        return "<stdin>" if self.path == STDIN else self.path

    def lines(self) -> Iterator[tuple[int, str]]:
        r"""Yield the number and text of each line, with its line end; only ``\n`` ends a line.

        Raises:
            DataError: bytes that are not UTF-8, or a file that cannot be read or unpacked.
        """
        number = 0
        try:
            with self._open() as stream:
                offset = 0
                for number, raw in enumerate(stream, 1):
                    yield number, self._decode(raw, number, offset)
                    offset += len(raw)
        except (OSError, EOFError, zlib.error) as error:
            raise self.error(number + 1, f"cannot be read: {error}") from None

    def _open(self) -> AbstractContextManager[BinaryIO]:
        if self.path == STDIN:
            return nullcontext(sys.stdin.buffer)
        if self.path.lower().endswith(".gz"):
            return cast("BinaryIO", gzip.open(self.path, "rb"))
        return Path(self.path).open("rb")

    def _decode(self, raw: bytes, number: int, offset: int) -> str:
        start = len(BOM) if number == 1 and raw.startswith(BOM) else 0
        try:
            return raw[start:].decode()
        except UnicodeDecodeError as error:
            place = start + error.start
            raise self.error(
                number,
                f"not UTF-8: byte 0x{raw[place]:02x} at offset {offset + place} of the file "
                f"(byte {place + 1} of the line). Convert it, say by iconv -f LATIN1 -t UTF-8.",
            ) from None
