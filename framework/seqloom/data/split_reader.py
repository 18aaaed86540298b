"""A reader with a file for each split, or with splits cut from ``train``."""

from __future__ import annotations

from abc import abstractmethod
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Any

from seqloom.data.progress import progress
from seqloom.data.read import checked
from seqloom.data.rejected import refusal
from seqloom.data.split import SplitConfig, content_hash, places
from seqloom.data.spool import Part, Spool
from seqloom.errors import Cause, ConfigError, DataError, ExampleError, did_you_mean
from seqloom.interfaces.example import Example
from seqloom.interfaces.reader import SPLITS, Reader


class SplitReader(Reader):
    """A reader with a file for each split, or with splits cut from that of ``train``.

    Args:
        files: split → file; what a file is, the subclass decides. A split may be None.
        cut: What is cut from ``train``.

    Attributes:
        files: split → file, for the splits that have one.
    """

    def __init__(
        self, files: Mapping[str, Any], cut: SplitConfig | Mapping[str, Any] | None
    ) -> None:
        if empty := [name for name, file in files.items() if file == ""]:
            raise ConfigError(
                f"data.{empty[0]} is empty; is a shell variable unset? Name a file, or leave it "
                "out.",
                cause=Cause.no_value,
            )
        self.files = {name: file for name, file in files.items() if file}
        self._cut = cut if isinstance(cut, SplitConfig) else SplitConfig(**(cut or {}))
        for name in self._cuts & self.files.keys():
            raise ConfigError(
                f"data.{name}={self.files[name]} and data.split.{name}={getattr(self._cut, name)} "
                f"both say where {name} comes from; set only one of them.",
                cause=Cause.bad_split,
            )

    @abstractmethod
    def whole(self, split: str) -> Iterator[Example | ExampleError]:
        """Yield all examples of the split's own file; nothing if it has no file.

        As in `Reader.examples`, what is wrong with one example alone is yielded as ExampleError.
        """

    def whole_in_parts(self, split: str) -> Sequence[Iterable[Example | ExampleError]]:
        """Return what ``whole`` yields in parts; by default there are none."""
        return ()

    def examples_in_parts(self, split: str) -> Sequence[Iterable[Example | ExampleError]]:
        """Return a large split in parts; see `Reader.examples_in_parts`.

        Raises:
            DataError: As ``examples``.
        """
        if not (self._cuts and split in self._cuts | {"train"}):
            return self.whole_in_parts(split)
        from seqloom.data.parts import PART, are_many  # imports torch

        part = self._parts[split]
        if not are_many(part):
            return ()
        pieces = [part[at : at + PART] for at in range(0, len(part), PART)]
        return [self._unread, *pieces] if split == "train" else pieces

    def examples(self, split: str) -> Iterator[Example | ExampleError]:
        """Return the examples of a split; see `Reader.examples`.

        Raises:
            ConfigError: The split has another name than these three, or cannot be cut.
            DataError: The file is missing, malformed or empty, or has too few examples to cut.
        """
        if split not in SPLITS:
            raise ConfigError(f"No split {split!r}. {did_you_mean(split, SPLITS)}")
        if self._cuts and split in self._cuts | {"train"}:
            parts = self._parts
            return chain(self._unread if split == "train" else (), parts[split])
        return self.whole(split)

    @property
    def _cuts(self) -> set[str]:
        """The splits that are cut from train."""
        return {name for name in ("val", "test") if getattr(self._cut, name)}

    @cached_property
    def _parts(self) -> dict[str, Sequence[Example]]:
        """Train and what is cut from it; what could not be read is reported with train."""
        if "train" not in self.files:
            raise ConfigError(
                f"data.split.{min(self._cuts)} cuts from data.train, but data.train is not set.",
                cause=Cause.bad_split,
            )
        good, errors, hashes = self._read_train()
        parts: dict[str, Sequence[Example]] = {
            name: Part(good, part)
            for name, part in self._split(good, errors, hashes).items()
            if name in self._cuts or name == "train"
        }
        self._unread = errors
        return parts

    def _read_train(self) -> tuple[Spool, list[ExampleError], array[int]]:
        """Return the good examples of train, the errors of the others, and hashes of the good."""
        from seqloom.data.parts import spooled  # imports torch, without which this is imported

        what = "Reading data.train"
        shared = spooled(lambda: self.whole_in_parts("train"), self._selected, what)
        if shared is None:
            examples, noted = self._selected(progress(self.whole("train"), what))
            good, notes = Spool(examples), [noted]
        else:
            good, notes = shared
        good.flush()  # once, and not in each process that reads them
        hashes = array("q", chain.from_iterable(own for _, own in notes))
        return good, [error for errors, _ in notes for error in errors], hashes

    def _selected(
        self, found: Iterable[Example | ExampleError]
    ) -> tuple[Iterator[Example], tuple[list[ExampleError], array[int]]]:
        """Return the good examples, and what gets the errors of the others and their hashes."""
        errors, hashes = list[ExampleError](), array("q")

        def good() -> Iterator[Example]:
            for one in checked(found):
                if isinstance(one, Example):
                    hashes.append(content_hash(one, self._cut))
                    yield one
                else:
                    errors.append(one)

        return good(), (errors, hashes)

    def _split(
        self, good: Sequence[Example], errors: list[ExampleError], hashes: Sequence[int]
    ) -> dict[str, Sequence[int]]:
        """Return the places of the good examples in each split.

        Raises:
            ConfigError: They cannot be cut like this.
            DataError: The same, where rejected examples may be the reason; lists those too.
        """
        try:
            return places(good, self._cut, hashes)
        except ConfigError as error:
            if not errors:
                raise
            why = f". Without them: {error}" if good else ": there is no other example."
            what = f"data.train={self.files['train']}"
            raise DataError(
                f"{refusal(errors, what)}\nFix the data{why}", cause=Cause.example
            ) from error


class UniqueNames:
    """Makes names unique: one that was passed before gets a number.

    >>> unique = UniqueNames()
    >>> [unique(name) for name in ("a", "b", "a")]
    ['a', 'b', 'a#2']
    """

    def __init__(self) -> None:
        self._seen = Counter[str]()

    def __call__(self, name: str) -> str:
        """Return the name, or a numbered one that was not returned before."""
        self._seen[name] += 1
        return name if self._seen[name] == 1 else self(f"{name}#{self._seen[name]}")
