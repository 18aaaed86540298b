"""Cut a large text file at blank lines into parts, which several processes read."""

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

END = b"\n\n"


@dataclass(frozen=True)
class TextPart:
    """A part of a text file, which begins after a blank line.

    Attributes:
        text: The part; its lines have the numbers that they have in the file.
        ends: Number of the ends of blocks before it: blank lines after others.
        marks: Number of the lines before it that begin with the mark.
    """

    text: TextFile
    ends: int
    marks: int


def text_parts(text: TextFile, mark: bytes) -> list[TextPart]:
    """Return the parts of a file; none if it is small, is no plain file, or has no blank lines.

    Args:
        text: The file.
        mark: How the lines begin that are counted.
    """
    if text.path == STDIN or text.path.lower().endswith(".gz"):
        return []
    found, at, lines, ends, marks = list[TextPart](), 0, 0, 0, 0
    try:
        about = Path(text.path).stat()
        if not stat.S_ISREG(about.st_mode) or about.st_size < SMALLEST:
            return []
        for raw in _pieces(Path(text.path)):
            own = replace(text, start=at, end=at + len(raw), before=lines)
            found.append(TextPart(own, ends, marks))
            at += len(raw)
            lines += raw.count(b"\n")
            ends += raw.count(END)
            marks += raw.count(b"\n" + mark) + raw.startswith(mark)
    except (OSError, ValueError):  # reading it says why
        return []
    return found


def _pieces(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file in pieces that end after a blank line.

    Raises:
        ValueError: Somewhere, there is none in as many bytes as two parts have.
    """
    rest = b""
    with path.open("rb") as file:
        while piece := file.read(PART):
            raw = rest + piece
            end = raw.rfind(END) + len(END)
            if end < len(END):
                if rest:
                    raise ValueError("no blank lines")
                rest = raw
                continue
            yield raw[:end]
            rest = raw[end:]
    if rest:
        yield rest
