"""A data reader under check: what it is built with, what it reads, and copies to be spoilt."""

from __future__ import annotations

import hashlib
import pickle
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from seqloom.data.read import checked
from seqloom.errors import ExampleError, SeqloomError
from seqloom.interfaces import SPLITS, Example, Reader
from seqloom.testing.compare import ConformanceError, NotApplicable, require


@dataclass(frozen=True)
class ReaderCase:
    """A source class with parameters for which its splits have a few examples each.

    Attributes:
        cls: the source.
        params: of the component.
        gives: field → kind, as the component says for these parameters.
        suffixes: of the component: of the files that ``inputs`` reads.
        folder: where the files that the parameters name lie, and no others; checks spoil copies of
            it. None if there are no files, or if they may not be copied.
    """

    cls: type[Reader]
    params: Mapping[str, Any] = field(default_factory=dict)
    gives: Mapping[str, str] = field(default_factory=dict)
    suffixes: Sequence[str] = ()
    folder: Path | None = None

    def source(self) -> Reader:
        """Return a new source."""
        return self.cls(**self.params)

    def read(self, split: str, source: Reader | None = None) -> list[Example]:
        """Return the examples of a split, read by a fresh reader unless one is passed.

        Raises:
            ConformanceError: they cannot be read, or one of them cannot be used.
        """
        try:
            return usable((source or self.source()).examples(split))
        except SeqloomError as error:
            raise ConformanceError(
                f"the {split} split of the sample cannot be read: {error}"
            ) from None

    def whole(self, source: Reader | None = None) -> dict[str, list[Example]]:
        """Return the examples of all splits, read by one source."""
        one = source or self.source()
        found = {split: self.read(split, one) for split in SPLITS}
        require(any(found.values()), "no split has an example; give parameters that have some")
        return found

    @property
    def files(self) -> list[Path]:
        """The files and folders below the case's folder that the parameters name."""
        return [] if self.folder is None else [*dict.fromkeys(_paths(self.params, self.folder))]

    def need_files(self) -> Path:
        """Return the folder of the files that the parameters name.

        Raises:
            NotApplicable: there are none.
        """
        if self.folder is None or not self.files:
            raise NotApplicable("its parameters name no files of the case's folder")
        return self.folder

    @contextmanager
    def copied(self) -> Iterator[tuple[ReaderCase, Path]]:
        """Give the same case over a copy of its folder, and that folder."""
        folder = self.need_files()
        with tempfile.TemporaryDirectory(prefix="copy-") as name:
            place = Path(name) / folder.name
            shutil.copytree(folder, place)
            yield self.moved(place), place

    def moved(self, place: Path) -> ReaderCase:
        """Return the same case with its files elsewhere."""
        params = _moved(self.params, str(self.need_files()), str(place))
        return replace(self, params=params, folder=place)


def _paths(value: Any, folder: Path) -> Iterator[Path]:
    if isinstance(value, str | Path):
        path = Path(value)
        if path.is_absolute() and path != folder and path.is_relative_to(folder) and path.exists():
            yield path
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _paths(one, folder)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _paths(one, folder)


def _moved(value: Any, old: str, new: str) -> Any:
    if isinstance(value, str):
        return value.replace(old, new)
    if isinstance(value, Path):
        return Path(str(value).replace(old, new))
    if isinstance(value, Mapping):
        return {name: _moved(one, old, new) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_moved(one, old, new) for one in value]
    return value


def usable(found: Iterable[Example | ExampleError]) -> list[Example]:
    """Return examples none of which may be unusable.

    Raises:
        ExampleError: one of them is; here it is raised.
    """
    examples = []
    for one in checked(found):
        if isinstance(one, ExampleError):
            raise one
        examples.append(one)
    return examples


def contents(example: Example | ExampleError) -> str:
    """Return all that an example says, the same in every process where it is the same."""
    if isinstance(example, ExampleError):
        return str(example)
    return _plain((example.id, example.fields, str(example.origin), example.meta))


def _plain(value: Any) -> str:
    if isinstance(value, np.ndarray):
        digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return f"{value.dtype}{value.shape}{digest}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_plain, value))}]"
    if isinstance(value, set | frozenset):
        return f"set{sorted(map(_plain, value))}"
    if is_dataclass(value) and not isinstance(value, type):
        value = {"": type(value).__name__} | {
            one.name: getattr(value, one.name) for one in fields(value)
        }
    if isinstance(value, Mapping):
        return f"dict{sorted((repr(name), _plain(one)) for name, one in value.items())}"
    has_address = repr(value) == object.__repr__(value)
    return hashlib.sha256(pickle.dumps(value)).hexdigest() if has_address else repr(value)
