"""A sequence of examples that is kept in memory while it is small, and in a file beyond that."""

from __future__ import annotations

import logging
import marshal
import mmap
import tempfile
import weakref
from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from io import FileIO
from itertools import accumulate
from typing import Any, NamedTuple, overload

from seqloom.interfaces.example import Example, Origin

log = logging.getLogger("seqloom")

IN_MEMORY = 20_000
"""Number of examples that are kept in memory."""

BLOCK = 1 << 20
"""Bytes that are written at once."""

RESIDENT = 1 << 26
"""Bytes of the file that are mapped before their pages are given back to the system."""

AROUND = 1 << 16
"""Bytes that the system maps where one of them is read."""

PLAIN = frozenset((str, int, float, bool, bytes, type(None)))


class Spool(Sequence[Example]):
    """Examples in the order in which they were appended; more than `IN_MEMORY` lie in a file.

    The file has no name, so that nothing is left of it however the process ends, and no other
    process can write to it. Examples with values of other than plain types stay in memory, and so
    do all that come once the disk is full. What lies in the file becomes an example each time that
    it is asked for.

    Args:
        examples: Examples to append.
    """

    def __init__(self, examples: Iterable[Example] = ()) -> None:
        self._kept: dict[int, Example] = {}
        self._ends = array("q", [0])
        self._file: FileIO | None = None
        self._pending = bytearray()  # the last bytes, which are not in the file yet
        self._pages: mmap.mmap | bytes = b""
        self._places: array[int] | None = None  # of those that were not removed
        self._full = False
        self._mapped = 0  # bytes since pages were given back, about
        self._last = 0  # where the last one that was read ends
        for example in examples:
            self.append(example)

    def append(self, example: Example) -> None:
        """Append an example."""
        place = len(self._ends) - 1
        packed = b"" if place < IN_MEMORY or self._full else _packed(example)
        if not packed:
            self._kept[place] = example
        self._pending += packed
        self._ends.append(self._ends[-1] + len(packed))
        if len(self._pending) >= BLOCK:
            self._write()

    def extend(self, examples: Packed) -> None:
        """Append examples that another process has packed."""
        if self._full:
            start = 0
            for size in examples.sizes:
                self.append(_unpacked(examples.content[start : start + size]))
                start += size
            return
        ends = accumulate(examples.sizes, initial=self._ends.pop())
        self._ends.extend(ends)
        self._pending += examples.content
        if len(self._pending) >= BLOCK:
            self._write()

    def flush(self) -> None:
        """Write all to the file, before processes are forked that read it."""
        if self._pending:
            self._write()

    def remove(self, ids: Collection[str]) -> None:
        """Remove the examples with these ids; none can be appended after that."""
        places = range(len(self._ends) - 1) if self._places is None else self._places
        self._places = array("q", (at for at in places if self._at(at).id not in ids))

    def __len__(self) -> int:
        return len(self._ends) - 1 if self._places is None else len(self._places)

    def __iter__(self) -> Iterator[Example]:
        return map(self._at, range(len(self)) if self._places is None else self._places)

    @overload
    def __getitem__(self, place: int) -> Example: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Example]: ...
    def __getitem__(self, place: int | slice) -> Example | Sequence[Example]:
        """Return an example, or a part that is not in memory either."""
        if isinstance(place, slice):
            return Part(self, range(len(self))[place])
        own = range(len(self))[place]
        return self._at(own if self._places is None else self._places[own])

    def _at(self, place: int) -> Example:
        found = self._kept.get(place)
        if found is not None:
            return found
        if self._pending:
            self._write()
            return self._at(place)
        start, end = self._ends[place], self._ends[place + 1]
        self._mapped += end - start + min(abs(start - self._last), AROUND)  # also what lies between
        self._last = end
        if self._mapped > RESIDENT:
            self._give_back()
        return _unpacked(self._pages[start:end])

    def _give_back(self) -> None:
        """Let what was read of the file no longer count as memory of this process."""
        self._mapped = 0
        if isinstance(self._pages, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            self._pages.madvise(mmap.MADV_DONTNEED)

    def _write(self) -> None:
        """Write what is pending; if there is no room, it becomes examples again."""
        written = self._ends[-1] - len(self._pending)
        try:
            if self._file is None:
                file = tempfile.TemporaryFile(prefix="seqloom-", buffering=0)  # noqa: SIM115
                self._file = file
                weakref.finalize(self, file.close)
            while self._pending:
                del self._pending[: self._file.write(self._pending)]
            self._pages = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            log.warning(
                "Examples are kept in memory, since a file cannot hold them: %s", str(error)
            )
            self._keep_from(written)

    def _keep_from(self, start: int) -> None:
        """Make examples of what is pending, whose bytes begin at ``start``."""
        self._full = True
        lost = self._ends[-1] - len(self._pending)  # a part may have been written
        place = bisect_right(self._ends, start) - 1
        if self._file is not None and lost > start:
            self._file.seek(start)
            self._pending[:0] = self._file.read(lost - start)
        for at in range(place, len(self._ends) - 1):
            one, end = self._ends[at] - start, self._ends[at + 1] - start
            if end > one:
                self._kept[at] = _unpacked(self._pending[one:end])
        self._pending.clear()


class Part(Sequence[Example]):
    """The examples at some places of a sequence."""

    def __init__(self, whole: Sequence[Example], places: Sequence[int]) -> None:
        self._whole = whole
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Example]:
        return map(self._whole.__getitem__, self._places)

    @overload
    def __getitem__(self, place: int) -> Example: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Example]: ...
    def __getitem__(self, place: int | slice) -> Example | Sequence[Example]:
        """Return an example, or a part of the part."""
        if isinstance(place, slice):
            return Part(self._whole, self._places[place])
        return self._whole[self._places[place]]


class Packed(NamedTuple):
    """Examples as bytes, one after the other, and the number of bytes of each."""

    content: bytes
    sizes: array[int]


def packed(examples: Iterable[Example]) -> Packed | None:
    """Return examples as bytes; None if one of them has values of other than plain types."""
    pieces = list[bytes]()
    for piece in map(_packed, examples):
        if not piece:
            return None
        pieces.append(piece)
    return Packed(b"".join(pieces), array("q", map(len, pieces)))


def _packed(example: Example) -> bytes:
    """Return an example as bytes; none if it has values of other than plain types."""
    ident, fields, origin, meta = example.id, example.fields, example.origin, example.meta
    place = None if origin is None else (origin.file, origin.line)
    if not (_is_plain(fields) and _is_plain(meta) and _is_plain(ident) and _is_plain(place)):
        return b""
    return marshal.dumps((ident, fields, place, meta))


def _is_plain(value: Any) -> bool:
    """Return whether a value comes back as it was; marshal turns arrays into bytes."""
    kind = type(value)
    if kind is list or kind is tuple:
        return PLAIN.issuperset(map(type, value)) or all(map(_is_plain, value))
    if kind is dict:
        return _is_plain([*value]) and all(map(_is_plain, value.values()))
    return kind in PLAIN


def _unpacked(packed: Any) -> Example:
    ident, fields, origin, meta = marshal.loads(packed)
    return Example(ident, fields, origin and Origin(*origin), meta)
