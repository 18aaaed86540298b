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
                f"data.{empty[0]} is empty, as where a variable of the shell is not set. Name a "
                "file, or leave it out.",
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
    def _parts(self) -> dict[str, Iterable[Example | ExampleError]]:
        """Train and what is cut from it; what could not be read is reported with train."""
        if "train" not in self.files:
            raise ConfigError(
                f"data.split.{min(self._cuts)} cuts from data.train, but data.train is not set.",
                cause=Cause.bad_split,
            )
        good, errors, hashes = Spool(), list[ExampleError](), array("q")
        for one in progress(checked(self.whole("train")), "Reading data.train"):
            if isinstance(one, Example):
                good.append(one)
                hashes.append(content_hash(one, self._cut))
            else:
                errors.append(one)
        parts: dict[str, Iterable[Example | ExampleError]] = {
            name: Part(good, part)
            for name, part in self._split(good, errors, hashes).items()
            if name in self._cuts or name == "train"
        }
        self._unread = errors
        return parts

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
