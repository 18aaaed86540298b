"""What every data reader promises, as checks."""

from __future__ import annotations

import hashlib
import io
import itertools
import pickle
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields, is_dataclass, replace
from numbers import Real
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from seqloom.data.read import checked
from seqloom.errors import ConfigError, ExampleError, SeqloomError, plural
from seqloom.interfaces import SPLITS, Example, Reader
from seqloom.testing.compare import ConformanceError, NotApplicable, require, require_raises
from seqloom.testing.reader_process import read_in_process


@dataclass(frozen=True)
class ReaderCase:
    """A reader class with parameters for which its splits have a few examples each.

    Attributes:
        cls: Reader class.
        params: Parameters by name.
        gives: Field → kind, as the component declares for these parameters.
        suffixes: Suffixes of the files that ``inputs`` reads, as the component declares.
        folder: Folder that holds the files that the parameters name, and no others; checks damage
            copies of it. None if there are no files, or if they may not be copied.
    """

    cls: type[Reader]
    params: Mapping[str, Any] = field(default_factory=dict)
    gives: Mapping[str, str] = field(default_factory=dict)
    suffixes: Sequence[str] = ()
    folder: Path | None = None

    def reader(self) -> Reader:
        """Return a new reader."""
        return self.cls(**self.params)

    def read(self, split: str, reader: Reader | None = None) -> list[Example]:
        """Return the examples of a split, from a new reader unless one is passed.

        Raises:
            ConformanceError: They cannot be read, or one of them cannot be used.
        """
        try:
            return usable((reader or self.reader()).examples(split))
        except SeqloomError as error:
            raise ConformanceError(
                f"the {split} split of the sample cannot be read: {error}"
            ) from None

    def whole(self, reader: Reader | None = None) -> dict[str, list[Example]]:
        """Return the examples of all splits, read by one reader."""
        one = reader or self.reader()
        found = {split: self.read(split, one) for split in SPLITS}
        require(any(found.values()), "no split has an example; pass parameters for which some do")
        return found

    @property
    def files(self) -> list[Path]:
        """The files and folders below the case's folder that the parameters name."""
        return [] if self.folder is None else [*dict.fromkeys(_paths(self.params, self.folder))]

    def need_files(self) -> Path:
        """Return the folder of the files that the parameters name.

        Raises:
            NotApplicable: There are none.
        """
        if self.folder is None or not self.files:
            raise NotApplicable("its parameters name no files of the case's folder")
        return self.folder

    @contextmanager
    def copied(self) -> Iterator[tuple[ReaderCase, Path]]:
        """Yield the same case over a copy of its folder, and that folder."""
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
        ExampleError: One of them is; here it is raised.
    """
    examples = []
    for one in checked(found):
        if isinstance(one, ExampleError):
            raise one
        examples.append(one)
    return examples


def check_fields(case: ReaderCase) -> None:
    """Every example has each field that the component declares, in the form of its kind."""
    for split, examples in case.whole().items():
        for example in examples:
            for name, kind in case.gives.items():
                what = f"{example.id!r} of {split}"
                there = ", ".join(example.fields) or "none"
                require(name in example.fields, f"{what} has no field {name!r}, only {there}")
                _require_form(example.fields[name], kind, f"{what}: the field {name!r}")
            _require_aligned(case, example)


def _require_form(value: Any, kind: str, what: str) -> None:
    fits, form = FORMS.get(kind, (_any, "a value"))
    shown = repr(value)[:80]
    require(fits(value), f"{what} is {shown} ({type(value).__name__}); a {kind} is {form}")


def _require_aligned(case: ReaderCase, example: Example) -> None:
    """Require as many tags as tokens, if there is one field of tokens."""
    tokens = [name for name, kind in case.gives.items() if kind == "tokens"]
    if len(tokens) != 1:
        return
    count = len(example.fields[tokens[0]])
    for name, kind in case.gives.items():
        found = len(example.fields[name]) if kind == "tags" else count
        require(
            found == count,
            f"{example.id!r} has {found} {plural(found, 'tag')} in {name!r} for {count} "
            f"{plural(count, 'token')} in {tokens[0]!r}",
        )


def _any(value: Any) -> bool:
    return value is not None


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _label(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _labels(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(map(_label, value))


def _tokens(value: Any) -> bool:
    return _labels(value) and len(value) > 0


def _strokes(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(map(_stroke, value))


def _stroke(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(map(_point, value))


def _point(value: Any) -> bool:
    return len(value) == 2 and all(isinstance(one, Real) for one in value)


FORMS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "text": (_text, "a text"),
    "label": (_label, "a text that is not empty"),
    "labels": (_labels, "a list of texts"),
    "tokens": (_tokens, "a list of one or more texts"),
    "tags": (_tokens, "a list of texts, one for each token"),
    "strokes": (_strokes, "a list of strokes, each a list of points (x, y)"),
}


def check_order(case: ReaderCase) -> None:
    """A split has the same examples in the same order every time, and from a new reader."""
    reader = case.reader()
    for split, expected in case.whole(reader).items():
        _require_same(case.read(split, reader), expected, f"{split}, read again")
        _require_same(case.read(split), expected, f"{split}, read by a new reader")


def check_processes(case: ReaderCase) -> None:
    """A reader that was sent to another process reads the same there, in the same order."""
    expected = case.whole()
    for split, found in read_in_process(case.reader()).items():
        _require_same(found, expected[split], f"{split}, read in another process")


def check_resuming(case: ReaderCase) -> None:
    """Reading can be interrupted, restarted, and started in the middle, in parallel or in parts."""
    reader = case.reader()
    for split, expected in case.whole(reader).items():
        left = reader.examples(split)
        for _ in expected[:1]:
            next(left)
        again = case.read(split, reader)
        _require_same(again, expected, f"{split}, restarted after an abandoned reading")
        skipped = len(expected) // 2
        rest = list(itertools.islice(reader.examples(split), skipped, None))
        _require_same(rest, expected[skipped:], f"{split} from example {skipped} on")
        beside = list(zip(reader.examples(split), reader.examples(split), strict=False))
        for pair in zip(*beside, strict=True):
            _require_same(pair, expected, f"{split}, read twice in parallel")
        parts = map(checked, case.reader().examples_in_parts(split))
        with suppress(ValueError):  # one that must know the parts before it
            if found := list(itertools.chain.from_iterable(parts)):
                _require_same(found, expected, f"{split}, read in parts")


def _require_same(
    found: Sequence[Example | ExampleError], expected: Sequence[Example], what: str
) -> None:
    require(len(found) == len(expected), f"{what}: {len(found)} examples, expected {len(expected)}")
    for place, (one, other) in enumerate(zip(found, expected, strict=True)):
        now, before = contents(one), contents(other)
        require(
            now == before,
            f"{what}: example {place} differs from the first reading: {now[:200]}, expected "
            f"{before[:200]}",
        )


def contents(example: Example | ExampleError) -> str:
    """Return the contents of an example as text; equal examples have equal texts in any process."""
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


def check_ids(case: ReaderCase) -> None:
    """Ids are texts, unique over all splits, and do not depend on which split is read first."""
    whole = case.whole()
    seen: dict[str, str] = {}
    for split, examples in whole.items():
        for example in examples:
            name = example.id
            what = f"an example of {split} has the id {name!r}"
            require(isinstance(name, str) and bool(name), f"{what}; expected a text")
            require(name not in seen, f"{what}, and so has one of {seen.get(name)}")
            seen[name] = split
    reader = case.reader()
    for split in reversed(SPLITS):
        found = [example.id for example in case.read(split, reader)]
        expected = [example.id for example in whole[split]]
        require(
            found == expected,
            f"the ids of {split} are {found[:3]} if the splits are read in another order, "
            f"otherwise {expected[:3]}",
        )


def check_lazy(case: ReaderCase) -> None:
    """Building a reader opens no files: they need not even exist."""
    folder = case.need_files()
    with _opened() as opened:
        case.reader()
    early = [path for path in opened if path.startswith(str(folder))]
    require(not early, f"building it opens {', '.join(Path(path).name for path in early)}")
    absent = case.moved(folder / "absent")
    try:
        absent.reader()
    except Exception as error:
        raise ConformanceError(
            f"building it looks for its files before an example is read: {error}"
        ) from error


@contextmanager
def _opened() -> Iterator[list[str]]:
    """Yield a list that collects the paths of the files that Python opens in the block."""
    paths: list[str] = []
    real: Callable[..., Any] = io.open

    def spy(file: Any, *args: Any, **kwargs: Any) -> Any:
        paths.append(str(file))
        return real(file, *args, **kwargs)

    with mock.patch("builtins.open", spy), mock.patch("io.open", spy):
        yield paths


def check_split_names(case: ReaderCase) -> None:
    """A split that is not train, val or test is rejected with a `ConfigError`."""
    with require_raises(ConfigError, "the split 'valid'"):
        list(case.reader().examples("valid"))
