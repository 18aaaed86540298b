"""Encoded examples in the files of a folder, which are mapped into memory, not read.

A folder has a file of the bytes of each named array, one of the examples' other values as JSON, and
numbers that tell where each one lies. Plain files of NumPy's types serve as well as a columnar
format: nothing is parsed, nothing is copied, and processes share the pages.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from seqloom.data.collate import EncodedExample
from seqloom.data.flat import with_arrays
from seqloom.data.split_writer import NUMBERS, SUFFIXES, VERSION
from seqloom.errors import RunError
from seqloom.interfaces import Example, Origin

Bytes = NDArray[np.uint8]


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
