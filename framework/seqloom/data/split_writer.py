"""Write the encoded examples of a split into the files of a folder, which `StoredExamples` maps.

Examples are written in blocks, since what is done once for many of them takes little time.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from io import BytesIO
from itertools import chain, repeat
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from seqloom.data.collate import EncodedExample
from seqloom.data.flat import flat, plain
from seqloom.files import write_text
from seqloom.interfaces import Arrays

ALIGNMENT = 16
"""Arrays begin at multiples of this in a file, in bytes."""

VERSION = 1
BLOCK = 256
"""Number of examples that are written at once."""

LARGEST_BLOCK = 1 << 22
"""Bytes of the inputs' arrays from which on fewer examples are written at once."""

NUMBERS = ("costs", "steps", "terms", "files", "lines", "whole")
"""Names of the files with a number for each example."""

SUFFIXES = (".bin", ".npy", ".json")
"""Suffixes of the files."""

HASHED = "hashed"
"""File of a part with what the digest is made of."""

Ints = NDArray[np.int64]


class _Column:
    """Writes numbers, or rows of them, into a file of NumPy as they come.

    Args:
        path: File to write.
        kind: Type of the numbers.
        width: Length of a row at first; None: there are no rows.
    """

    def __init__(self, path: Path, kind: type = np.int64, width: int | None = None) -> None:
        self._kind, self._width, self._count = np.dtype(kind), width, 0
        self.file: BinaryIO = path.open("wb+")
        self.file.write(self._header())

    def extend(self, numbers: NDArray[Any]) -> None:
        if self._width is not None:
            width = numbers.shape[1]
            if width > self._width:
                self._widen(width)
            if width < self._width:
                numbers = np.pad(numbers, ((0, 0), (0, self._width - width)))
        self.file.write(numbers.astype(self._kind, copy=False).tobytes())
        self._count += len(numbers)

    def _widen(self, width: int) -> None:
        """Write the rows again, longer by zeros."""
        self.file.seek(len(self._header()))
        rows = np.frombuffer(self.file.read(), self._kind).reshape(self._count, self._width or 0)
        self._width, self._count = width, 0
        self.file.seek(0)
        self.file.write(self._header())
        self.extend(rows)

    def close(self) -> None:
        """Write the header, which has the number of them."""
        self.file.seek(0)
        self.file.write(self._header())
        self.file.close()

    def _header(self) -> bytes:
        """Return the header; NumPy makes it as long for any number of them."""
        shape = (self._count,) if self._width is None else (self._count, self._width)
        header = BytesIO()
        facts = {"descr": self._kind.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(header, facts)
        return header.getvalue()


class _Pieces:
    """Writes pieces of bytes one after the other, and where each one ends."""

    def __init__(self, path: Path) -> None:
        self.file: BinaryIO = path.with_suffix(".bin").open("wb")
        self._end = 0
        self.ends = _Column(path.with_suffix(".ends.npy"))
        self.ends.extend(np.zeros(1, np.int64))

    def extend(self, pieces: Sequence[bytes], alignment: int = 1) -> None:
        sizes = np.fromiter(map(len, pieces), np.int64, len(pieces))
        if alignment > 1:
            sizes += -sizes % alignment
            pieces = [*map(bytes.ljust, pieces, sizes.tolist(), repeat(b"\0"))]
        self.file.write(b"".join(pieces))
        self._ends_at(np.cumsum(sizes))

    def extend_by(self, path: Path) -> None:
        """Write the pieces that another one wrote."""
        with path.with_suffix(".bin").open("rb") as file:
            shutil.copyfileobj(file, self.file, 1 << 20)
        self._ends_at(np.load(path.with_suffix(".ends.npy"), allow_pickle=False)[1:])

    def _ends_at(self, ends: Ints) -> None:
        self.ends.extend(ends + self._end)
        self._end += int(ends[-1])

    def close(self) -> None:
        self.file.close()
        self.ends.close()


class _ArrayPieces:
    """Writes the arrays of one name, of any types and shapes."""

    def __init__(self, path: Path) -> None:
        self.pieces = _Pieces(path)
        self.columns = (
            _Column(path.with_suffix(".kinds.npy"), np.uint16),
            _Column(path.with_suffix(".shapes.npy"), width=0),
        )
        self._kinds: dict[tuple[str, int], int] = {}
        self._known: dict[tuple[np.dtype[Any], int], int] = {}  # as above, found in less time

    def extend(self, arrays: Sequence[NDArray[Any]], contents: Sequence[bytes]) -> None:
        """Write arrays, of which ``contents`` are the bytes."""
        kinds = [(one.dtype, one.ndim) for one in arrays]
        if not self._known.keys() >= {*kinds}:
            for dtype, axes in kinds:
                self._known[dtype, axes] = self._number((dtype.str, axes))
        self.columns[0].extend(np.array([self._known[kind] for kind in kinds]))
        axes = max(axes for _, axes in kinds)
        sizes = [one.shape for one in arrays]
        if any(other != axes for _, other in kinds):
            sizes = [one + (0,) * (axes - len(one)) for one in sizes]
        self.columns[1].extend(np.array(sizes, np.int64).reshape(len(sizes), axes))
        self.pieces.extend(contents, ALIGNMENT)

    def _number(self, kind: tuple[str, int]) -> int:
        return self._kinds.setdefault(kind, len(self._kinds))

    def extend_by(self, path: Path, kinds: Sequence[Sequence[Any]]) -> None:
        """Write the arrays that another one wrote, whose `close` returned ``kinds``."""
        numbers = np.array([self._number((str(kind), int(axes))) for kind, axes in kinds])
        chosen, shapes = (
            np.load(path.with_suffix(f".{name}.npy"), allow_pickle=False)
            for name in ("kinds", "shapes")
        )
        self.columns[0].extend(numbers[chosen])
        self.columns[1].extend(shapes)
        self.pieces.extend_by(path)

    def close(self) -> list[list[Any]]:
        """Return the types and numbers of axes that there are."""
        self.pieces.close()
        for column in self.columns:
            column.close()
        return [list(kind) for kind in self._kinds]


class SplitWriter:
    """Writes the encoded examples of a split into a folder as they come, and keeps few of them.

    Fields that are not of plain types are left out.

    Args:
        folder: Folder to write; it is made.
        part: Whether the folder becomes a part of another one, see `extend`. Instead of the digest,
            it then has what that is made of.
    """

    def __init__(self, folder: Path, *, part: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for file in folder.iterdir():  # not written over: another folder may have the same file
            if file.suffix in SUFFIXES:
                file.unlink()
        self._folder = folder
        self._arrays: dict[str, _ArrayPieces] = {}
        self._heads: list[str] = []
        self._given: list[str] = []
        self._ids, self._values = _Pieces(folder / "ids"), _Pieces(folder / "values")
        self._numbers = {name: _Column(folder / f"{name}.npy") for name in NUMBERS}
        self._files: dict[str | None, int] = {None: 0}
        self._digest = SplitDigest()
        self._hashed: BinaryIO | None = (folder / HASHED).open("wb") if part else None
        self._feed: Callable[[bytes], Any] = (
            self._digest.update if self._hashed is None else self._hashed.write
        )
        self._block: list[EncodedExample] = []
        self._size = 0  # bytes of its inputs

    def append(self, one: EncodedExample) -> None:
        """Write an encoded example."""
        self._block.append(one)
        for array in one.inputs.values():
            self._size += array.nbytes
        if len(self._block) >= BLOCK or self._size >= LARGEST_BLOCK:
            self._write()

    def _write(self) -> None:
        """Write the examples that were appended."""
        block, self._block, self._size = self._block, [], 0
        if not block:
            return
        arrays = [flat(one) for one in block]
        if not self._arrays:
            self._begin(sorted(arrays[0]), [*block[0].targets], [*block[0].given])
        ids = [one.example.id.encode("utf-8", "surrogatepass") for one in block]
        hashed: list[Iterable[bytes]] = [ids]
        for name, pieces in self._arrays.items():
            each = [one[name] for one in arrays]
            contents = [array.tobytes() for array in each]
            pieces.extend(each, contents)
            hashed += [repeat(name.encode(), len(block)), contents]
        self._feed(b"".join(chain.from_iterable(zip(*hashed, strict=True))))
        self._ids.extend(ids)
        self._write_values(block)

    def _write_values(self, block: Sequence[EncodedExample]) -> None:
        plains = [plain(one) for one in block]
        self._values.extend([_as_json([fields, meta]) for fields, meta, _ in plains])
        numbers = [
            (one.cost, one.frames, one.terms, *self._place(one), int(whole))
            for one, (_, _, whole) in zip(block, plains, strict=True)
        ]
        for name, column in zip(NUMBERS, np.array(numbers, np.int64).T, strict=True):
            self._numbers[name].extend(column)

    def _place(self, one: EncodedExample) -> tuple[int, int]:
        """Return the number of the file of an example, and its line."""
        origin = one.example.origin
        if origin is None:
            return 0, -1
        file = self._files.setdefault(origin.file, len(self._files))
        return file, -1 if origin.line is None else origin.line

    def _begin(self, names: Sequence[str], heads: list[str], given: list[str]) -> None:
        self._arrays = {
            name: _ArrayPieces(self._folder / str(number)) for number, name in enumerate(names)
        }
        self._heads, self._given = heads, given

    def extend(self, folder: Path) -> bool:
        """Write the encoded examples of a folder, a part of this one.

        Args:
            folder: Folder that was written with ``part``.

        Returns:
            Whether it could be done: False if their arrays have other names than these.
        """
        self._write()
        facts = json.loads((folder / "split.json").read_text(encoding="utf-8"))
        names = facts["arrays"], facts["heads"], facts["given"]
        if not facts["kinds"]:  # there are none
            return True
        if not self._arrays:
            self._begin(*names)
        if names != ([*self._arrays], self._heads, self._given):
            return False
        kinds = zip(self._arrays.values(), facts["kinds"], strict=True)
        for number, (pieces, kind) in enumerate(kinds):
            pieces.extend_by(folder / str(number), kind)
        self._ids.extend_by(folder / "ids")
        self._values.extend_by(folder / "values")
        files = np.array([self._files.setdefault(n, len(self._files)) for n in facts["files"]])
        for name, column in self._numbers.items():
            found = np.load(folder / f"{name}.npy", allow_pickle=False)
            column.extend(files[found] if name == "files" else found)
        with (folder / HASHED).open("rb") as file:
            while content := file.read(1 << 20):
                self._feed(content)
        return True

    def close(self) -> None:
        """Write what is needed to read the folder."""
        self._write()
        kinds = [pieces.close() for pieces in self._arrays.values()]
        self._ids.close()
        self._values.close()
        if self._hashed is not None:
            self._hashed.close()
        for numbers in self._numbers.values():
            numbers.close()
        facts = {
            "version": VERSION,
            "arrays": list(self._arrays),
            "kinds": kinds,
            "heads": self._heads,
            "given": self._given,
            "files": list(self._files),
            "digest": self._digest.hex(),
        }
        write_text(self._folder / "split.json", json.dumps(facts))

    def abandon(self) -> None:
        """Close the files, whose content is not needed."""
        every = [self._ids, self._values, *(one.pieces for one in self._arrays.values())]
        columns = [*(pieces.ends for pieces in every), *self._numbers.values()]
        columns += chain.from_iterable(one.columns for one in self._arrays.values())
        files = [*(one.file for one in every), *(one.file for one in columns)]
        files += [] if self._hashed is None else [self._hashed]
        for file in files:
            with suppress(OSError):
                file.close()


class SplitDigest:
    """A digest of ids and arrays in their order, to tell whether a split has changed."""

    def __init__(self) -> None:
        self._found = hashlib.blake2b(digest_size=16)

    def add(self, ident: str, arrays: Arrays) -> None:
        """Add an example."""
        self.update(ident.encode("utf-8", "surrogatepass"))
        for name, one in sorted(arrays.items()):
            self.update(name.encode() + one.tobytes())

    def update(self, content: bytes) -> None:
        """Add examples by their ids, and the names and bytes of their arrays, sorted by name."""
        self._found.update(content)

    def hex(self) -> str:
        """Return the digest of what was added."""
        return self._found.hexdigest()


def write_split(folder: Path, examples: Iterable[EncodedExample]) -> None:
    """Write encoded examples into a folder."""
    writer = SplitWriter(folder)
    try:
        for one in examples:
            writer.append(one)
        writer.close()
    except BaseException:
        writer.abandon()
        raise


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def _as_json(value: Any) -> bytes:
    return _encode(value).encode("utf-8", "surrogatepass")
