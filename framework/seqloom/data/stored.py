"""Encoded examples in the files of a folder, which are mapped into memory, not read.

A folder has a file of the bytes of each named array, one of the examples' other values as JSON, and
numbers that tell where each one lies. Plain files of NumPy's types serve as well as a columnar
format: nothing is parsed, nothing is copied, and processes share the pages.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, overload

import numpy as np
from numpy.typing import NDArray

from seqloom.data.collate import EncodedExample
from seqloom.data.flat import flat, plain, with_arrays
from seqloom.errors import RunError
from seqloom.files import write_text
from seqloom.interfaces import Arrays, Example, Origin

ALIGNMENT = 16
"""Arrays begin at multiples of this in a file, in bytes."""

VERSION = 1
PENDING = 8192
"""Number of numbers that are written at once."""

NUMBERS = ("costs", "steps", "terms", "files", "lines", "whole")
"""Names of the files with a number for each example."""

SUFFIXES = (".bin", ".npy", ".json")
"""Suffixes of the files."""

Bytes = NDArray[np.uint8]


class _Numbers:
    """Writes int64 numbers into a file of NumPy as they come."""

    def __init__(self, path: Path) -> None:
        self.file: BinaryIO = path.open("wb")
        self.file.write(_header(0))
        self._pending = array("q")
        self._count = 0

    def append(self, number: int) -> None:
        self._pending.append(number)
        if len(self._pending) >= PENDING:
            self._write()

    def _write(self) -> None:
        self._pending.tofile(self.file)
        self._count += len(self._pending)
        del self._pending[:]

    def close(self) -> None:
        """Write what is pending, and the header, which has the number of them."""
        self._write()
        self.file.seek(0)
        self.file.write(_header(self._count))
        self.file.close()


def _header(count: int) -> bytes:
    """Return the header of a file of int64; NumPy makes it as long for any number of them."""
    header = BytesIO()
    facts = {"descr": np.dtype(np.int64).str, "fortran_order": False, "shape": (count,)}
    np.lib.format.write_array_header_1_0(header, facts)
    return header.getvalue()


class _Pieces:
    """Writes pieces of bytes one after the other, and where each one ends."""

    def __init__(self, path: Path) -> None:
        self.file: BinaryIO = path.with_suffix(".bin").open("wb")
        self._end = 0
        self.ends = _Numbers(path.with_suffix(".ends.npy"))
        self.ends.append(0)

    def append(self, piece: bytes, alignment: int = 1) -> None:
        padding = -len(piece) % alignment
        self.file.write(piece + bytes(padding) if padding else piece)
        self._end += len(piece) + padding
        self.ends.append(self._end)

    def close(self) -> None:
        self.file.close()
        self.ends.close()


class _ArrayPieces:
    """Writes the arrays of one name, of any types and shapes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.pieces = _Pieces(path)
        self._kinds: dict[tuple[str, int], int] = {}
        self._chosen = array("H")
        self._sizes: list[array[int]] = []

    def append(self, one: NDArray[Any], content: bytes) -> None:
        kind = (one.dtype.str, one.ndim)
        number = self._kinds.setdefault(kind, len(self._kinds))
        self._chosen.append(number)
        while len(self._sizes) < one.ndim:  # those before have no such axis
            self._sizes.append(array("q", bytes(8 * (len(self._chosen) - 1))))
        for axis, sizes in enumerate(self._sizes):
            sizes.append(one.shape[axis] if axis < one.ndim else 0)
        self.pieces.append(content, ALIGNMENT)

    def close(self) -> list[list[Any]]:
        """Return the types and numbers of axes that there are."""
        self.pieces.close()
        shapes = np.array([np.array(sizes) for sizes in self._sizes], np.int64)
        shapes = shapes.reshape(len(self._sizes), len(self._chosen))
        np.save(self._path.with_suffix(".kinds.npy"), np.array(self._chosen))
        np.save(self._path.with_suffix(".shapes.npy"), np.ascontiguousarray(shapes.T))
        return [list(kind) for kind in self._kinds]


class SplitWriter:
    """Writes the encoded examples of a split into a folder as they come, and keeps none of them.

    Fields that are not of plain types are left out.

    Args:
        folder: Folder to write; it is made.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for file in folder.iterdir():  # not written over: another folder may have the same file
            if file.suffix in SUFFIXES:
                file.unlink()
        self._folder = folder
        self._arrays: dict[str, _ArrayPieces] = {}
        self._heads: list[str] = []
        self._given: list[str] = []
        self._ids, self._values = _Pieces(folder / "ids"), _Pieces(folder / "values")
        self._numbers = {name: _Numbers(folder / f"{name}.npy") for name in NUMBERS}
        self._files: dict[str | None, int] = {None: 0}
        self._digest = SplitDigest()

    def append(self, one: EncodedExample) -> None:
        """Write an encoded example."""
        arrays = flat(one)
        if not self._arrays:
            self._arrays = {
                name: _ArrayPieces(self._folder / str(number))
                for number, name in enumerate(sorted(arrays))
            }
            self._heads, self._given = list(one.targets), list(one.given)
        contents = [(name, arrays[name].tobytes()) for name in self._arrays]
        for name, content in contents:
            self._arrays[name].append(arrays[name], content)
        fields, meta, whole = plain(one)
        origin = one.example.origin
        self._ids.append(one.example.id.encode("utf-8", "surrogatepass"))
        self._values.append(_as_json([fields, meta]))
        file = self._files.setdefault(origin.file if origin else None, len(self._files))
        line = -1 if origin is None or origin.line is None else origin.line
        numbers = (one.cost, one.frames, one.terms, file, line, int(whole))
        for name, number in zip(NUMBERS, numbers, strict=True):
            self._numbers[name].append(number)
        self._digest.add_bytes(one.example.id, contents)

    def close(self) -> None:
        """Write what is needed to read the folder."""
        kinds = [pieces.close() for pieces in self._arrays.values()]
        self._ids.close()
        self._values.close()
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
        numbers = [*(pieces.ends for pieces in every), *self._numbers.values()]
        for file in (*(one.file for one in every), *(one.file for one in numbers)):
            with suppress(OSError):
                file.close()


class SplitDigest:
    """A digest of ids and arrays in their order, to tell whether a split has changed."""

    def __init__(self) -> None:
        self._found = hashlib.blake2b(digest_size=16)

    def add(self, ident: str, arrays: Arrays) -> None:
        """Add an example."""
        self.add_bytes(ident, [(name, one.tobytes()) for name, one in sorted(arrays.items())])

    def add_bytes(self, ident: str, arrays: Iterable[tuple[str, bytes]]) -> None:
        """Add an example with the bytes of its arrays, sorted by name."""
        parts = [part for name, one in arrays for part in (name.encode(), one)]
        self._found.update(b"".join([ident.encode("utf-8", "surrogatepass"), *parts]))

    def hex(self) -> str:
        """Return the digest of what was added."""
        return self._found.hexdigest()


def write_split(folder: Path, rows: Iterable[EncodedExample]) -> None:
    """Write encoded examples into a folder."""
    writer = SplitWriter(folder)
    try:
        for one in rows:
            writer.append(one)
        writer.close()
    except BaseException:
        writer.abandon()
        raise


class _Pages(Sequence[Bytes]):
    """The pieces of a file, mapped into memory."""

    def __init__(self, path: Path) -> None:
        self.ends = np.load(path.with_suffix(".ends.npy"), mmap_mode="r", allow_pickle=False)
        size = path.with_suffix(".bin").stat().st_size
        if not len(self.ends) or int(self.ends[-1]) != size:
            raise ValueError(f"{path.name}.bin has {size} bytes, not those that were written")
        # Copy on write: processes share the pages, and a codec may treat an array as its own.
        self.data: Bytes = (
            np.memmap(path.with_suffix(".bin"), np.uint8, "c") if size else np.empty(0, np.uint8)
        ).view(np.ndarray)

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, place: Any) -> Any:
        return self.data[self.ends[place] : self.ends[place + 1]]

    def text(self, place: int) -> str:
        return bytes(self[place]).decode("utf-8", "surrogatepass")


class _StoredArrays:
    """The arrays of one name."""

    def __init__(self, path: Path, kinds: list[list[Any]]) -> None:
        self._pages = _Pages(path)
        self._kinds = [(np.dtype(kind), int(axes)) for kind, axes in kinds]
        self._chosen = np.load(path.with_suffix(".kinds.npy"), mmap_mode="r", allow_pickle=False)
        self._shapes = np.load(path.with_suffix(".shapes.npy"), mmap_mode="r", allow_pickle=False)

    def __getitem__(self, place: int) -> NDArray[Any]:
        dtype, axes = self._kinds[self._chosen[place]]
        shape = self._shapes[place, :axes].tolist()
        size = dtype.itemsize
        for one in shape:
            size *= one
        found: NDArray[Any] = self._pages[place][:size].view(dtype).reshape(shape)
        return found


class Ids(Sequence[str]):
    """The ids of stored examples."""

    def __init__(self, pages: _Pages) -> None:
        self._pages = pages

    def __len__(self) -> int:
        return len(self._pages)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        """Return an id, or those of a part."""
        if isinstance(place, slice):
            return [self._pages.text(one) for one in range(len(self))[place]]
        return self._pages.text(range(len(self))[place])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


class StoredExamples(Sequence[EncodedExample]):
    """The encoded examples of a folder; each is made when it is asked for.

    Args:
        folder: Folder that `SplitWriter` wrote.
        keeper: What the folder is removed with.

    Attributes:
        ids: Ids of the N examples.
        costs: Sizes in a batch, (N,) int64.
        steps: Numbers of steps, (N,) int64.
        terms: Numbers of terms of their losses, (N,) int64.
        digest: Digest of ids and arrays.

    Raises:
        RunError: The folder is missing or damaged.
    """

    def __init__(self, folder: Path, keeper: object = None) -> None:
        self.folder = folder
        self._keeper = keeper
        try:
            facts = json.loads((folder / "split.json").read_text(encoding="utf-8"))
            if facts["version"] != VERSION:
                raise ValueError(f"it has version {facts['version']}; expected {VERSION}")
            self._arrays = {
                name: _StoredArrays(folder / str(number), kinds)
                for number, (name, kinds) in enumerate(
                    zip(facts["arrays"], facts["kinds"], strict=True)
                )
            }
            self._heads, self._given = facts["heads"], facts["given"]
            self._files, self.digest = facts["files"], str(facts["digest"])
            self._values = _Pages(folder / "values")
            self.ids = Ids(_Pages(folder / "ids"))
            numbers = {
                name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
                for name in NUMBERS
            }
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise RunError(f"{folder} is missing or damaged: {error}") from error
        self.costs, self.steps, self.terms = (np.array(numbers[n]) for n in NUMBERS[:3])
        self._file, self._line, self._whole = (numbers[name] for name in NUMBERS[3:])

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[EncodedExample]:
        return map(self._one, range(len(self)))

    @overload
    def __getitem__(self, place: int) -> EncodedExample: ...
    @overload
    def __getitem__(self, place: slice) -> list[EncodedExample]: ...
    def __getitem__(self, place: int | slice) -> EncodedExample | list[EncodedExample]:
        """Return an encoded example, or those of a part."""
        if isinstance(place, slice):
            return [self._one(one) for one in range(len(self))[place]]
        return self._one(range(len(self))[place])

    def bare(self, place: int) -> EncodedExample:
        """Return an encoded example without fields: all that a batch needs, in less time."""
        file, line = self._files[self._file[place]], int(self._line[place])
        origin = None if file is None else Origin(file, None if line < 0 else line)
        example = Example(self.ids[place], {}, origin)
        arrays = {name: stored[place] for name, stored in self._arrays.items()}
        inputs, targets, given = with_arrays(arrays, self._heads, self._given)
        cost, steps, terms = (int(one[place]) for one in (self.costs, self.steps, self.terms))
        return EncodedExample(example, inputs, targets, cost, steps, False, given, terms)

    def _one(self, place: int) -> EncodedExample:
        found = self.bare(place)
        found.example.fields, found.example.meta = json.loads(self._values.text(place))
        found.whole = bool(self._whole[place])
        return found

    def copy_to(self, folder: Path) -> None:
        """Put the files into another folder too; they take no more space if that can be."""
        folder.mkdir(parents=True, exist_ok=True)
        for file in self.folder.iterdir():
            if file.suffix in SUFFIXES:
                target = folder / file.name
                with suppress(OSError):
                    target.unlink()
                try:
                    os.link(file, target)
                except OSError:  # another file system, or one without links
                    shutil.copyfile(file, target)


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def _as_json(value: Any) -> bytes:
    return _encode(value).encode("utf-8", "surrogatepass")
