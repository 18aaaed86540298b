"""What the readers of files share: splits, ids, and the making of examples."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import chain
from typing import Any

from seqloom.data.reading import outcomes
from seqloom.data.split import SplitConfig, split
from seqloom.errors import ConfigError, DataError, ExampleError, did_you_mean
from seqloom.interfaces.example import Example, Origin
from seqloom.interfaces.source import SPLITS, Source
from seqloom_text.readers.files import stem
from seqloom_text.readers.values import is_empty, parse
from seqloom_text.schemas_data import INPUT_KINDS


@dataclass(slots=True)
class Record:
    """The raw values of one example, as they stand in the file."""

    values: dict[str, Any]
    origin: Origin
    id: str | None = None
    meta: dict[str, Any] = field(default_factory=dict)


class FileSource(Source):
    """A source with a file for each split, or with splits cut from ``train``.

    What can be wrong with one example alone raises ExampleError from ``next``, and the iterator can
    be asked for the next example after it; a malformed file raises DataError and ends it.

    Attributes:
        files: split → file, for the splits that have one; what a file is, the reader knows.
        kinds: field → kind.
    """

    def __init__(
        self,
        files: Mapping[str, Any],
        cut: SplitConfig | Mapping[str, Any] | None,
        kinds: Mapping[str, str],
        labels_separator: str = "|",
    ) -> None:
        self.files = {name: file for name, file in files.items() if file}
        self.kinds = dict(kinds)
        self._cut = cut if isinstance(cut, SplitConfig) else SplitConfig(**(cut or {}))
        self._separator = labels_separator
        self._check_cut()

    @abstractmethod
    def records(self, file: Any, targets: bool) -> Iterator[Record]:
        """Yield what the file holds, as it is read; ``targets`` tells whether they must be there.

        Raises:
            DataError: the file is missing or malformed.
        """

    def stem(self, file: Any) -> str:
        """Return what the ids of the file's examples start with."""
        return stem(file)

    def examples(self, split: str) -> Iterator[Example]:
        """Return the examples of a split; see `Source.examples`.

        Raises:
            ConfigError: the split has another name than these three, or cannot be cut.
            DataError: the file is missing, malformed or empty.
            ExampleError: one example cannot be used; ask for the next one.
        """
        if split not in SPLITS:
            raise ConfigError(f"No split {split!r}. {did_you_mean(split, SPLITS)}")
        if self._cuts and split in self._cuts | {"train"}:
            return map(_give, self._parts[split])
        return self._whole(split)

    def inputs(self, paths: Sequence[str]) -> Iterator[Example]:
        """Return the inputs in the files, each as soon as its lines are there; see `Source.inputs`.

        Raises:
            DataError: a file is missing or malformed.
            ExampleError: one example cannot be used; ask for the next one.
        """
        prefixes = _distinct([stem(path) for path in paths])
        return chain.from_iterable(
            self._read(path, prefix, targets=False)
            for path, prefix in zip(paths, prefixes, strict=True)
        )

    @property
    def _cuts(self) -> set[str]:
        """The splits that are cut from train."""
        return {name for name in ("val", "test") if getattr(self._cut, name)}

    def _check_cut(self) -> None:
        for name in self._cuts & self.files.keys():
            raise ConfigError(
                f"data.{name}={self.files[name]} and data.split.{name}={getattr(self._cut, name)} "
                f"both say where {name} comes from; give one of them."
            )

    @cached_property
    def _parts(self) -> dict[str, list[Example | ExampleError]]:
        """Train and what is cut from it; what could not be read is reported with train."""
        if "train" not in self.files:
            raise ConfigError(
                f"data.split.{min(self._cuts)} cuts from data.train, but no such file is given."
            )
        good, bad = _sift(self._whole("train"))
        parts: dict[str, list[Example | ExampleError]] = {
            name: [*part]
            for name, part in split(good, self._cut).items()
            if name in self._cuts or name == "train"
        }
        parts["train"] = [*bad, *parts["train"]]
        return parts

    def _whole(self, name: str) -> Iterator[Example]:
        if name not in self.files:
            return iter(())
        stems = [self.stem(file) for file in self.files.values()]
        prefix = self.stem(self.files[name])
        # Equal file names in several folders: the split's name makes their ids differ.
        prefix = prefix if len(set(stems)) == len(stems) else f"{name}/{prefix}"
        return self._read(self.files[name], prefix, targets=True)

    def _read(self, file: Any, prefix: str, targets: bool) -> Iterator[Example]:
        # A generator could not go on after an error; map can.
        return map(partial(self._example, prefix, targets), self._numbered(file, targets))

    def _numbered(self, file: Any, targets: bool) -> Iterator[tuple[int, Record]]:
        number = 0
        for number, record in enumerate(self.records(file, targets), 1):
            yield number, record
        if targets and not number:
            raise DataError(f"{file}: no examples; the file is empty or has a header only.")

    def _example(self, prefix: str, targets: bool, numbered: tuple[int, Record]) -> Example:
        number, record = numbered
        example = Example(record.id or f"{prefix}:{number}", {}, record.origin, record.meta)
        for name, raw in record.values.items():
            kind = self.kinds[name]
            if raw is None and not targets:
                continue
            try:
                value = parse(raw, kind, self._separator)
            except ValueError as error:
                raise ExampleError(example, f"the field {name!r} is wrong: {error}.") from None
            if not is_empty(value, kind):
                example.fields[name] = value
            elif targets:
                raise ExampleError(example, f"the field {name!r} is empty; expected a {kind}.")
            elif kind in INPUT_KINDS:
                example.fields[name] = value
        return example


def _distinct(names: list[str]) -> list[str]:
    """Return the names with a number after those that occurred before."""
    seen = Counter[str]()
    result = []
    for name in names:
        seen[name] += 1
        result.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return result


def _sift(examples: Iterator[Example]) -> tuple[list[Example], list[ExampleError]]:
    found = list(outcomes(examples))
    good = [one for one in found if isinstance(one, Example)]
    return good, [one for one in found if isinstance(one, ExampleError)]


def _give(item: Example | ExampleError) -> Example:
    if isinstance(item, ExampleError):
        raise item
    return item


def missing(names: Iterable[str], kinds: Mapping[str, str], targets: bool) -> list[str]:
    """Return which of the absent fields a reader must complain of.

    New inputs need no targets, and of several kinds of input one is enough.
    """
    absent = list(names)
    if targets:
        return absent
    inputs = [name for name, kind in kinds.items() if kind in INPUT_KINDS]
    lacking = [name for name in absent if name in inputs]
    return lacking if len(lacking) == len(inputs) else []
