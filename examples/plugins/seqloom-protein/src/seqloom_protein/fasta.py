"""FASTA: a header ``>name comment`` before the lines of each sequence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from seqloom.errors import DataError


class Lined(Protocol):
    """File with lines that errors can name."""

    def error(self, line: int, problem: str) -> DataError:
        """Return the error for a line, numbered from 1."""
        ...


@dataclass(slots=True)
class Entry:
    """One sequence.

    Attributes:
        line: Line of the header, from 1.
        name: First word of the header.
        comment: Rest of the header.
        parts: Lines of the sequence.
    """

    line: int
    name: str
    comment: str = ""
    parts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The sequence."""
        return "".join(self.parts)


def entries(text: Lined, lines: Iterable[tuple[int, str]]) -> Iterator[Entry]:
    """Yield the sequences as they are read; lines that start with ``;`` are comments.

    Raises:
        DataError: If letters precede the first header, or a header has no name.
    """
    entry: Entry | None = None
    for number, line in lines:
        bare = line.strip()
        if bare.startswith(">"):
            if entry:
                yield entry
            entry = _entry(text, number, bare[1:])
        elif bare and not bare.startswith(";"):
            if entry is None:
                raise text.error(
                    number,
                    f"{bare[:20]!r} precedes the first header; in FASTA each sequence starts with "
                    "a line '>name'.",
                )
            entry.parts.append("".join(bare.split()))
    if entry:
        yield entry


def _entry(text: Lined, number: int, header: str) -> Entry:
    name, _, comment = header.strip().partition(" ")
    if not name:
        raise text.error(number, "a header without a name; expected '>name'.")
    return Entry(number, name, comment)
