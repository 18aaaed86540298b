"""Cut a large text file into parts, which several processes read."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from seqloom.data.text_file import STDIN, TextFile

SMALLEST = 1 << 23
"""Size of a file in bytes from which on it is cut."""

PART = 1 << 21
"""Size of a part in bytes, about."""


@dataclass(frozen=True)
class TextPart:
    """A part of a text file, which begins where a line does.

    Attributes:
        text: The part; its lines have the numbers that they have in the file.
        ends: Number of the ends before it, such as blank lines after others.
        marks: Number of the lines before it that begin with the mark.
        lines: Number of its own line ends.
    """

    text: TextFile
    ends: int
    marks: int
    lines: int


def text_parts(text: TextFile, end: bytes = b"\n", mark: bytes = b"") -> list[TextPart]:
    """Return the parts of a file; none if it is small, is no plain file, or is nowhere to be cut.

    Args:
        text: The file.
        end: After what it may be cut: a line end, or two, after which blocks of lines begin.
        mark: How the lines begin that are counted.
    """
    if text.path == STDIN or text.path.lower().endswith(".gz"):
        return []
    found, at, lines, ends, marks = list[TextPart](), 0, 0, 0, 0
    try:
        about = Path(text.path).stat()
        if not stat.S_ISREG(about.st_mode) or about.st_size < SMALLEST:
            return []
        for raw in _pieces(Path(text.path), end):
            own = replace(text, start=at, end=at + len(raw), before=lines)
            found.append(TextPart(own, ends, marks, raw.count(b"\n")))
            at += len(raw)
            lines += found[-1].lines
            ends += raw.count(end)
            if mark:
                marks += raw.count(b"\n" + mark) + raw.startswith(mark)
    except (OSError, ValueError):  # reading it says why
        return []
    return found


def _pieces(path: Path, end: bytes) -> Iterator[bytes]:
    """Yield the bytes of a file in pieces that end as is said.

    Raises:
        ValueError: As many bytes as two parts have are without such an end.
    """
    rest = b""
    with path.open("rb") as file:
        while piece := file.read(PART):
            raw = rest + piece
            place = raw.rfind(end) + len(end)
            if place >= len(end):
                yield raw[:place]
                raw = raw[place:]
            elif rest:
                raise ValueError(end)
            rest = raw
    if rest:
        yield rest
