"""Sequence of the encoded examples of a split, in memory or stored in a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import overload

import numpy as np

from seqloom.data.collate import EncodedExample
from seqloom.data.flat import flat, is_large
from seqloom.data.split_writer import SplitDigest, write_split
from seqloom.data.stored import StoredExamples
from seqloom.errors import Cause, DataError
from seqloom.interfaces import Arrays, Example

Read = Callable[[], Iterable[Example]]
"""Reads the examples of a split again, prepared."""


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
        self._read = read
        self.ids: Sequence[str]
        self._encoded: Sequence[EncodedExample]
        if isinstance(encoded, StoredExamples):
            self._encoded, self.ids = encoded, encoded.ids
            self.costs, self.steps, self.terms = encoded.costs, encoded.steps, encoded.terms
            return
        self._encoded = [light(one) for one in encoded]
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
        found = self.bare(place)
        return found.inputs, found.targets

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

    def bare(self, place: int) -> EncodedExample:
        """Return an encoded example whose example may lack all fields: what a batch needs."""
        found = self._encoded
        return found.bare(place) if isinstance(found, StoredExamples) else found[place]

    def digest(self) -> str:
        """Return a digest of ids and arrays, to tell whether the split has changed."""
        if isinstance(self._encoded, StoredExamples):
            return self._encoded.digest
        found = SplitDigest()
        for one in self:
            found.add(one.example.id, flat(one))
        return found.hex()

    def save(self, folder: Path) -> None:
        """Write the split into a folder; see `SplitWriter`."""
        if isinstance(self._encoded, StoredExamples):
            try:
                self._encoded.copy_to(folder)
                return
            except FileNotFoundError:  # removed by another process, but mapped
                pass
        write_split(folder, self._encoded)

    @classmethod
    def load(cls, folder: Path, read: Read | None = None) -> EncodedSplit:
        """Return a split that was saved; its arrays are mapped, not read, into memory.

        Raises:
            RunError: The folder is missing or damaged.
        """
        return cls(StoredExamples(folder), read)


def light(encoded: EncodedExample) -> EncodedExample:
    """Return an encoded example without the large values that its example was read as."""
    fields = encoded.example.fields
    kept = {name: value for name, value in fields.items() if not is_large(value)}
    if len(kept) == len(fields):
        return encoded
    return replace(encoded, example=replace(encoded.example, fields=kept), whole=False)
