"""Lines of text files, as they arrive, each with its number."""

from __future__ import annotations

import codecs
import gzip
import logging
import math
import os
import re
import stat
import sys
import threading
import zlib
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import AnyStr, BinaryIO, cast

from seqloom.data.fetch import file_name, local_path, refuse_endless
from seqloom.errors import Cause, DataError, writable

log = logging.getLogger("seqloom.progress")

STDIN = "-"
BOM = b"\xef\xbb\xbf"

LONGEST_LINE = 1 << 26
"""Maximum size of a line in bytes."""

HIGHEST_RATIO = 200
"""Maximum size of a decompressed text, in sizes of its file."""

SMALL = 1 << 24
"""Size in bytes up to which a text may be compressed more."""

BOMB = (
    f"the file decompresses to more than {HIGHEST_RATIO} times its size, which text never does. If "
    "the file is correct, decompress it first."
)
PATIENCE = 5.0
"""Seconds after which it is logged that a pipe is waited for."""

RUN = 1 << 18
"""Number of bytes that are read at once, which are the lines of a run and a part of one."""

_HALF = re.compile(rb"\xed[\xa0-\xbf]")

SHOWN = 80  # bytes of a line that is too long

FORMS = {
    rb"\x1f\x8b": "compressed by gzip; rename it to NAME.gz, or decompress it",
    rb"BZh[1-9](1AY&SY|\x17rE8P\x90)": "compressed by bzip2; decompress it: bunzip2 FILE",
    rb"\xfd7zXZ\x00": "compressed by xz; decompress it: unxz FILE",
    rb"\(\xb5/\xfd": "compressed by zstd; decompress it: unzstd FILE",
    rb"PK\x03\x04": "a zip file or an Excel workbook; unpack it, or save the sheet as CSV UTF-8",
    rb"\xd0\xcf\x11\xe0": "an old Office file; save the sheet as CSV UTF-8",
    rb"PAR1[\x00-\x08\x0e-\x1f]": "a Parquet file; rename it to NAME.parquet",
    rb"ARROW1\x00": "an Arrow or Feather file; rename it to NAME.arrow",
    rb"%PDF-\d": "a PDF",
    rb"SQLite format 3\x00": "an SQLite database; export its table as CSV",
    rb"\x93NUMPY|\x80[\x02-\x05]": "NumPy or pickle data; save it as CSV or JSON Lines",
}
"""What files of other forms are, by a pattern of their first bytes, and what to do.

Text may begin with ``PAR1``, ``BZh`` or ``%PDF``; what follows tells them apart.
"""

Line = tuple[int, str]
"""A line's number, from 1, and its text with the line end."""


def file_stem(file: str) -> str:
    """Return the name of a path or pinned URL without folder and suffixes, for ids of examples.

    >>> file_stem("data/train.tsv.gz"), file_stem("-")
    ('train', 'stdin')
    """
    name = "stdin" if file == STDIN else Path(file_name(file).removesuffix(".gz")).stem
    return writable(name)


@dataclass(frozen=True)
class TextFile:
    """A text file, perhaps compressed by gzip, or standard input.

    Attributes:
        path: Path of the local file, or ``-`` for standard input.
        encoding: Encoding of the text; one in which a line end is a single byte.
        start: Place of the first byte that is read, where a line begins.
        end: Place after the last one, where a line ends; infinity: the end of the file.
        before: Number of lines before the first one.
    """

    path: str
    encoding: str = "utf-8"
    start: int = 0
    end: float = math.inf
    before: int = 0

    @classmethod
    def find(cls, file: str, encoding: str = "utf-8") -> TextFile:
        """Return the file that a path, a pinned URL or ``-`` names.

        Raises:
            DataError: The file does not exist, or cannot be downloaded.
        """
        return cls(STDIN if file == STDIN else str(local_path(file, stream=True)), encoding)

    @property
    def shown(self) -> str:
        """The file's name in messages."""
        return "<stdin>" if self.path == STDIN else writable(self.path)

    @property
    def suffix(self) -> str:
        """The suffix in lower case, without ``.gz``; empty for standard input."""
        return Path(self.path.lower().removesuffix(".gz")).suffix

    def error(self, line: int, problem: str, *, cause: str = Cause.not_parsed) -> DataError:
        """Return the error for a line, numbered from 1."""
        return DataError(f"{self.shown}:{line}: {problem}", cause=cause)

    def lines(self, problems: dict[int, str] | None = None) -> Generator[Line]:
        r"""Yield the number and text of each line, with its line end; only ``\n`` ends a line.

        Args:
            problems: Gets the problem of each line that is too long or not in the file's encoding,
                by number; its start is then yielded, or the line with replacement characters.
                None: it is an error.

        Raises:
            DataError: The file is not in its encoding, or cannot be read; see `raw_lines`.
        """
        for number, text in self.runs(problems):
            yield from enumerate(_split(text, "\n"), number)

    def runs(self, problems: dict[int, str] | None = None) -> Iterator[Line]:
        """Yield the lines in runs of whole ones: the number of the first, and their text.

        Of a file on disk, many lines come at once, which takes much less time than single ones;
        each line with a problem is a run of its own. See `lines` for arguments and errors.
        """
        for number, offset, raw in self._runs(problems):
            if number == 1:
                self._refuse_other_form(raw[: raw.find(b"\n") + 1] or raw)
            if BOM not in raw:
                try:
                    text = raw.decode(self.encoding)
                except UnicodeDecodeError:
                    pass
                else:
                    yield number, text
                    continue
            start = offset
            for one, line in enumerate(_split(raw, b"\n"), number):
                yield one, self._decode(line, one, start, problems)
                start += len(line)

    def raw_lines(self) -> Iterator[tuple[int, bytes]]:
        r"""Yield the number and the bytes of each line, with its line end; only ``\n`` ends a line.

        Raises:
            DataError: The file cannot be read or decompressed, is compressed far more than text
                can be, or has a line of more than `LONGEST_LINE` bytes.
        """
        for number, _, raw in self._runs(None):
            yield from enumerate(_split(raw, b"\n"), number)

    def _runs(self, problems: dict[int, str] | None) -> Iterator[tuple[int, int, bytes]]:
        """Yield runs of lines: the number of the first, where in the file it starts, and bytes."""
        number, offset = self.before, self.start
        try:
            most = self._most_bytes()
            with self.open() as stream:
                many = self._comes_in_runs(stream)
                if offset:
                    stream.seek(offset)
                while offset < self.end and (raw := _read_run(stream, many, self.end - offset)):
                    start, offset = offset, offset + len(raw)
                    if len(raw) > LONGEST_LINE:
                        self._report(number + 1, problems)
                        offset += _skip_line(stream, raw, most - offset)
                        raw = raw[:SHOWN] + b"\n"
                    if offset > most:
                        raise self.error(number + 1, BOMB)
                    yield number + 1, start, raw
                    number += raw.count(b"\n")
        except gzip.BadGzipFile:
            raise self.error(
                number + 1,
                "the file is not compressed by gzip, or it is damaged. If it is plain text, rename "
                "it without .gz.",
            ) from None
        except (OSError, EOFError, zlib.error) as error:
            why = getattr(error, "strerror", None) or error  # without the path, which comes first
            raise self.error(number + 1, f"cannot be read: {why}.") from None

    def _comes_in_runs(self, stream: BinaryIO) -> bool:
        """Return whether many lines can be read and decoded at once.

        In UTF-8 they mean what each one means; pipes have lines when they come.
        """
        if self._is_compressed or codecs.lookup(self.encoding).name != "utf-8":
            return False
        try:
            return stat.S_ISREG(os.fstat(stream.fileno()).st_mode) and stream.seekable()
        except OSError:  # not a file of the system
            return False

    def _report(self, number: int, problems: dict[int, str] | None) -> None:
        problem = f"the line has more than {LONGEST_LINE} bytes."
        if problems is None:
            raise self.error(number, problem)
        problems[number] = problem

    def _most_bytes(self) -> float:
        """Return the maximum size of the decompressed text."""
        if not self._is_compressed:
            return math.inf
        return max(SMALL, HIGHEST_RATIO * Path(self.path).stat().st_size)

    @property
    def _is_compressed(self) -> bool:
        return self.path.lower().endswith(".gz")

    def open(self) -> AbstractContextManager[BinaryIO]:
        """Return the bytes of the file, decompressed, as a stream.

        To open a pipe waits for its writer, which is logged after some seconds.

        Raises:
            DataError: It is a socket or a device, which may have no end.
        """
        if self.path == STDIN:
            return nullcontext(sys.stdin.buffer)
        path = Path(self.path)
        refuse_endless(path, stream=True)
        with _telling_of(path) if path.is_fifo() else nullcontext():
            if self._is_compressed:
                return cast("BinaryIO", gzip.open(path, "rb"))
            return path.open("rb")

    def _refuse_other_form(self, first: bytes) -> None:
        """Refuse a file as a whole by its first line: lines of such a file may look like text.

        Raises:
            DataError: It is not text, in UTF-16 or UTF-32, or its line ends are those of old Macs.
        """
        for start, form in FORMS.items():
            if re.match(start, first):
                raise self.error(1, f"this is not text: the file is {form}.")
        if first.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
            name = self.encoding.upper()
            raise self.error(
                1, f"the text is in UTF-32, not {name}. Convert it: iconv -f UTF-32 -t {name}."
            )
        halves = any(first[::2]), any(first[1::2])  # one is zeros where two bytes are a letter
        if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or (
            len(first) > 3 and sum(halves) == 1
        ):
            name = self.encoding.upper()
            raise self.error(
                1, f"the text is in UTF-16, not {name}. Convert it: iconv -f UTF-16 -t {name}."
            )
        if b"\r" in first.rstrip(b"\r\n") and not first.endswith(b"\n"):
            raise self.error(
                1,
                "the lines end in CR alone, as on old Macs; expected LF or CR LF. Convert it, for "
                "example with tr '\\r' '\\n'.",
            )

    def _decode(self, raw: bytes, number: int, offset: int, problems: dict[int, str] | None) -> str:
        start = 0
        while raw.startswith(BOM, start):  # also where files were joined
            start += len(BOM)
        try:
            return raw[start:].decode(self.encoding)
        except UnicodeDecodeError as error:
            place = start + error.start
            problem = (
                f"not {self.encoding.upper()}: byte 0x{raw[place]:02x} at offset {offset + place} "
                f"of the file (byte {place + 1} of the line). {self._remedy(raw, place)}"
            )
            if problems is None:
                raise self.error(number, problem) from None
            problems[number] = problem
            return raw[start:].decode(self.encoding, "replace")

    def _remedy(self, raw: bytes, place: int) -> str:
        """Return what to do about bytes that are not in the encoding from a place on."""
        if _HALF.match(raw, place):
            return "Half of a surrogate pair begins there, which is not a character: remove it."
        # These are no letters in ISO 8859-1, but quotes and dashes on Windows.
        other = "CP1252" if any(0x80 <= byte < 0xA0 for byte in raw) else "LATIN1"
        return f"Convert it, for example with iconv -f {other} -t {self.encoding.upper()}."


@contextmanager
def _telling_of(pipe: Path) -> Iterator[None]:
    """Log a warning if a pipe is still being opened after some seconds."""
    text = "%s is a pipe that no program writes to: waiting for one that does."
    timer = threading.Timer(PATIENCE, log.warning, (text, pipe))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _read_run(stream: BinaryIO, many: bool, left: float) -> bytes:
    """Return the next lines of a stream, of at most ``left`` bytes, or the next one."""
    raw = stream.read(int(min(RUN, LONGEST_LINE, left))) if many else b""
    end = raw.rfind(b"\n") + 1
    if end < len(raw):
        stream.seek(end - len(raw), os.SEEK_CUR)
    return raw[:end] or stream.readline(LONGEST_LINE + 1)


def _split(text: AnyStr, end: AnyStr) -> list[AnyStr]:
    """Return the lines of a text with their line ends."""
    lines = text.split(end)
    last = lines.pop()
    found: list[AnyStr] = [line + end for line in lines]
    if last:
        found.append(last)
    return found


def _skip_line(stream: BinaryIO, piece: bytes, most: float) -> int:
    """Read the rest of a line, or at least ``most`` bytes of it; return how many there were."""
    size = 0
    while piece and not piece.endswith(b"\n") and size <= most:
        piece = stream.readline(LONGEST_LINE)
        size += len(piece)
    return size


def without_end(line: str) -> str:
    r"""Return a line without its line end, ``\n`` or ``\r\n``."""
    return line.removesuffix("\n").removesuffix("\r")
