"""What readers of files share: a file for each split, or splits cut from ``train``."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from seqloom.data.encode import refusal
from seqloom.data.reading import outcomes
from seqloom.data.split import SplitConfig, split
from seqloom.errors import ConfigError, DataError, ExampleError, did_you_mean
from seqloom.interfaces.example import Example
from seqloom.interfaces.reader import SPLITS, Reader


class SplitReader(Reader):
    """A source with a file for each split, or with splits cut from that of ``train``.

    Attributes:
        files: split → file, for the splits that have one; what a file is, the reader knows.
    """

    def __init__(
        self, files: Mapping[str, Any], cut: SplitConfig | Mapping[str, Any] | None
    ) -> None:
        self.files = {name: file for name, file in files.items() if file}
        self._cut = cut if isinstance(cut, SplitConfig) else SplitConfig(**(cut or {}))
        for name in self._cuts & self.files.keys():
            raise ConfigError(
                f"data.{name}={self.files[name]} and data.split.{name}={getattr(self._cut, name)} "
                f"both say where {name} comes from; give one of them."
            )

    @abstractmethod
    def whole(self, split: str) -> Iterator[Example]:
        """Return all examples of the split's own file; none if it has no file.

        What is wrong with one example alone is raised as ExampleError by ``next``, and the iterator
        can go on after it: it is no generator.
        """

    def examples(self, split: str) -> Iterator[Example]:
        """Return the examples of a split; see `Reader.examples`.

        Raises:
            ConfigError: the split has another name than these three, or cannot be cut.
            DataError: the file is missing, malformed or empty, or too few examples are left to cut.
            ExampleError: one example cannot be used; ask for the next one.
        """
        if split not in SPLITS:
            raise ConfigError(f"No split {split!r}. {did_you_mean(split, SPLITS)}")
        if self._cuts and split in self._cuts | {"train"}:
            return give(self._parts[split])
        return self.whole(split)

    @property
    def _cuts(self) -> set[str]:
        """The splits that are cut from train."""
        return {name for name in ("val", "test") if getattr(self._cut, name)}

    @cached_property
    def _parts(self) -> dict[str, list[Example | ExampleError]]:
        """Train and what is cut from it; what could not be read is reported with train."""
        if "train" not in self.files:
            raise ConfigError(
                f"data.split.{min(self._cuts)} cuts from data.train, but no such file is given."
            )
        good, bad = sift(self.whole("train"))
        parts: dict[str, list[Example | ExampleError]] = {
            name: [*part]
            for name, part in self._split(good, bad).items()
            if name in self._cuts or name == "train"
        }
        parts["train"] = [*bad, *parts["train"]]
        return parts

    def _split(self, good: list[Example], bad: list[ExampleError]) -> dict[str, list[Example]]:
        """Return the splits of the good examples.

        Raises:
            ConfigError: they cannot be cut so.
            DataError: the same, where bad examples may be why; lists those too.
        """
        try:
            return split(good, self._cut)
        except ConfigError as fault:
            if not bad:
                raise
            why = f". Without them: {fault}" if good else ": there is no other example."
            what = f"data.train={self.files['train']}"
            raise DataError(f"{refusal(bad, what)}\nMend the data{why}") from fault


def sift(examples: Iterator[Example]) -> tuple[list[Example], list[ExampleError]]:
    """Return the examples, and the errors of those that could not be read."""
    found = list(outcomes(examples))
    good = [one for one in found if isinstance(one, Example)]
    return good, [one for one in found if isinstance(one, ExampleError)]


def give(items: Iterable[Example | ExampleError]) -> Iterator[Example]:
    """Return the examples; ``next`` raises an error in its place, and goes on after it."""
    return map(_raise_errors, items)


def _raise_errors(item: Example | ExampleError) -> Example:
    if isinstance(item, ExampleError):
        raise item
    return item


class Distinct:
    """Makes names distinct: those that it was given before get a number.

    >>> distinct = Distinct()
    >>> [distinct(name) for name in ("a", "b", "a")]
    ['a', 'b', 'a#2']
    """

    def __init__(self) -> None:
        self._seen = Counter[str]()

    def __call__(self, name: str) -> str:
        """Return the name, or a numbered one that was not returned before."""
        self._seen[name] += 1
        return name if self._seen[name] == 1 else self(f"{name}#{self._seen[name]}")
