"""Sequence of the encoded examples of a split, in memory or stored in a folder."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from seqloom.data.collate import EncodedExample
from seqloom.errors import Cause, DataError, RunError
from seqloom.files import write_text
from seqloom.interfaces import Arrays, Example, Origin

Read = Callable[[], Iterable[Example]]
"""Reads the examples of a split again, prepared."""

GIVEN = "given/"
"""Start of the names of arrays that heads may know when they predict."""

ALIGNMENT = 16
"""Arrays begin at multiples of this in a file, in bytes."""


class EncodedSplit(Sequence[EncodedExample]):
    """The encoded examples of a split, without the raw images and the like that they were read as.

    Attributes:
        ids: Ids of the N examples.
        costs: Sizes in a batch, (N,) int64.
        steps: Numbers of steps that the frontend gives, (N,) int64.
        terms: Numbers of terms of their losses, by which examples count in a step, (N,) int64.
    """

    def __init__(self, encoded: Sequence[EncodedExample], read: Read | None = None) -> None:
        """Keep encoded examples, without the large values of their fields.

        Args:
            encoded: Encoded examples.
            read: How to read the split again, for the fields that are not kept.
        """
        stored = isinstance(encoded, _StoredExamples)
        self._encoded = encoded if stored else [_light(one) for one in encoded]
        self._read = read
        self.ids = [one.example.id for one in encoded]
        self.costs = np.array([one.cost for one in encoded], np.int64)
        self.steps = np.array([one.frames for one in encoded], np.int64)
        self.terms = np.array([one.terms for one in encoded], np.int64)

    def __len__(self) -> int:
        return len(self._encoded)

    @overload
    def __getitem__(self, place: int) -> EncodedExample: ...
    @overload
    def __getitem__(self, place: slice) -> EncodedSplit: ...
    def __getitem__(self, place: int | slice) -> EncodedExample | EncodedSplit:
        """Return an encoded example, whose example may lack fields, or a part of the split."""
        if isinstance(place, slice):
            return EncodedSplit(self._encoded[place], self._read)
        return self._encoded[place]

    def arrays(self, place: int) -> tuple[Arrays, dict[str, Arrays]]:
        """Return the inputs of an example, and its targets by head."""
        return self._encoded[place].inputs, self._encoded[place].targets

    def example(self, place: int) -> Example:
        """Return an example with all its fields; it may be read again for that."""
        return self.examples([place])[0]

    def examples(self, places: Sequence[int]) -> list[Example]:
        """Return examples with all their fields; the split is read again at most once.

        Raises:
            DataError: An example is no longer there.
        """
        encoded = {place: self._encoded[place] for place in places}
        found = {place: one.example for place, one in encoded.items()}
        missing = {one.example.id: place for place, one in encoded.items() if not one.whole}
        if missing and self._read:
            for example in self._read():
                if example.id in missing:
                    found[missing.pop(example.id)] = example
                if not missing:
                    break
            else:
                raise DataError(
                    f"No longer among the examples: {', '.join(sorted(missing))}.",
                    cause=Cause.changed_data,
                )
        return [found[place] for place in places]

    def digest(self) -> str:
        """Return a digest of ids and arrays, to tell whether the split has changed."""
        found = hashlib.blake2b(digest_size=16)
        for one in self:
            found.update(one.example.id.encode())
            for name, array in sorted(_flat(one).items()):
                found.update(name.encode() + np.ascontiguousarray(array).tobytes())
        return found.hexdigest()

    def save(self, folder: Path) -> None:
        """Write the split into a folder: arrays as ``.npy``, all else as JSON.

        Fields that are not plain types are left out, and read again where they are needed.
        """
        folder.mkdir(parents=True, exist_ok=True)
        flat = [_flat(one) for one in self]
        names = sorted(flat[0]) if flat else []
        for number, name in enumerate(names):
            _save([one[name] for one in flat], folder / str(number))
        found = {
            "arrays": names,
            "heads": list(self[0].targets) if flat else [],
            "given": list(self[0].given) if flat else [],
            "costs": self.costs.tolist(),
            "steps": self.steps.tolist(),
            "terms": self.terms.tolist(),
            "examples": [_plain(one) for one in self],
        }
        text = json.dumps(found, ensure_ascii=False, allow_nan=False)
        write_text(folder / "split.json", text)

    @classmethod
    def load(cls, folder: Path, read: Read | None = None) -> EncodedSplit:
        """Return a split that was saved; its arrays are mapped, not read, into memory.

        Raises:
            RunError: The folder is missing or damaged.
        """
        try:
            found = json.loads((folder / "split.json").read_text(encoding="utf-8"))
            arrays = {
                name: _Stored.load(folder / str(number))
                for number, name in enumerate(found["arrays"])
            }
            return cls(_StoredExamples(found, arrays), read)
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise RunError(f"{folder} is missing or damaged: {error}") from error


def _light(encoded: EncodedExample) -> EncodedExample:
    """Return an encoded example without the large values that its example was read as."""
    fields = encoded.example.fields
    kept = {name: value for name, value in fields.items() if not _is_large(value)}
    if len(kept) == len(fields):
        return encoded
    return replace(encoded, example=replace(encoded.example, fields=kept), whole=False)


def _is_large(value: Any) -> bool:
    """Return whether a value is an array, an image or the like."""
    return hasattr(value, "tobytes") or hasattr(value, "__array__")


def _flat(encoded: EncodedExample) -> Arrays:
    """Return all arrays of an example by one name: ``words``, ``ner/tags``, ``given/ner/tags``."""
    by_head = {"": encoded.targets, GIVEN: encoded.given}
    targets = {
        f"{prefix}{head}/{name}": array
        for prefix, heads in by_head.items()
        for head, arrays in heads.items()
        for name, array in arrays.items()
    }
    return {**encoded.inputs, **targets}


def _plain(encoded: EncodedExample) -> dict[str, Any]:
    """Return what of an example is plain types, and whether that is all of it."""
    example = encoded.example
    fields = {name: value for name, value in example.fields.items() if _is_plain(value)}
    meta = {name: value for name, value in example.meta.items() if _is_plain(value)}
    counts = len(fields) + len(meta), len(example.fields) + len(example.meta)
    return {
        "id": example.id,
        "origin": example.origin and [example.origin.file, example.origin.line],
        "fields": fields,
        "meta": meta,
        "whole": encoded.whole and counts[0] == counts[1],
    }


def _is_plain(value: Any) -> bool:
    """Return whether JSON gives a value back as it was."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(one) for key, one in value.items())
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or type(value) in (str, bool, int)


def _save(arrays: Sequence[NDArray[Any]], path: Path) -> None:
    """Write arrays of any shapes and types as one run of bytes, with where each one lies."""
    sizes = np.array([array.nbytes for array in arrays], np.int64)
    padded = -(-sizes // ALIGNMENT) * ALIGNMENT
    starts = np.concatenate([[0], padded.cumsum()]).astype(np.int64)
    data = np.zeros(int(starts[-1]), np.uint8)
    for array, start, size in zip(arrays, starts.tolist(), sizes.tolist(), strict=False):
        data[start : start + size] = np.frombuffer(np.ascontiguousarray(array).tobytes(), np.uint8)
    np.save(path.with_suffix(".npy"), data)
    np.save(path.with_suffix(".starts.npy"), starts)
    shapes = [[array.dtype.str, *array.shape] for array in arrays]
    path.with_suffix(".json").write_text(json.dumps(shapes), encoding="utf-8")


@dataclass(frozen=True)
class _Stored(Sequence[NDArray[Any]]):
    """The arrays of one name, in a file.

    Attributes:
        data: All of them as bytes.
        starts: Where each one starts.
        shapes: Type and shape of each.
    """

    data: NDArray[np.uint8]
    starts: NDArray[np.int64]
    shapes: list[list[Any]]

    @classmethod
    def load(cls, path: Path) -> _Stored:
        # Copy on write: ranks share the pages, and a codec may treat an array as its own.
        data = np.load(path.with_suffix(".npy"), mmap_mode="c", allow_pickle=False)
        starts = np.load(path.with_suffix(".starts.npy"), allow_pickle=False)
        return cls(data, starts, json.loads(path.with_suffix(".json").read_text("utf-8")))

    def __len__(self) -> int:
        return len(self.shapes)

    def __getitem__(self, place: Any) -> Any:
        kind, *shape = self.shapes[place]
        start, dtype = int(self.starts[place]), np.dtype(kind)
        size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        return np.asarray(self.data[start : start + size]).view(dtype).reshape(shape)


@dataclass(frozen=True)
class _StoredExamples(Sequence[EncodedExample]):
    """Encoded examples of a folder; each is made when it is asked for.

    Attributes:
        facts: What ``split.json`` holds.
        stored: The arrays by their names.
    """

    facts: dict[str, Any]
    stored: dict[str, _Stored]

    def __len__(self) -> int:
        return len(self.facts["examples"])

    def __iter__(self) -> Iterator[EncodedExample]:
        return map(self._one, range(len(self)))

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self._one(one) for one in range(len(self))[place]]
        return self._one(range(len(self))[place])

    def _one(self, place: int) -> EncodedExample:
        row = self.facts["examples"][place]
        origin = row["origin"] and Origin(*row["origin"])
        example = Example(row["id"], dict(row["fields"]), origin, dict(row["meta"]))
        targets: dict[str, Arrays] = {head: {} for head in self.facts["heads"]}
        given: dict[str, Arrays] = {head: {} for head in self.facts.get("given", ())}
        inputs: Arrays = {}
        for name, arrays in self.stored.items():
            head, _, own = name.removeprefix(GIVEN).partition("/")
            heads = given if name.startswith(GIVEN) and head in given else targets
            if own and head in heads:
                heads[head][own] = arrays[place]
            else:
                inputs[name] = arrays[place]
        cost, steps, terms = (self.facts[name][place] for name in ("costs", "steps", "terms"))
        return EncodedExample(example, inputs, targets, cost, steps, row["whole"], given, terms)
