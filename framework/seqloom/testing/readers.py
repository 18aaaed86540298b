"""What every data reader promises, as checks."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from seqloom.errors import ConfigError, ExampleError
from seqloom.interfaces import SPLITS, Example
from seqloom.testing.compare import ConformanceError, refused, require
from seqloom.testing.reader_case import ReaderCase, contents
from seqloom.testing.reader_fields import check_fields
from seqloom.testing.reader_files import (
    check_damaged,
    check_inputs,
    check_missing,
    check_origins,
)
from seqloom.testing.reader_process import read_elsewhere

__all__ = ["READER_CHECKS", "ReaderCase"]


def check_order(case: ReaderCase) -> None:
    """A split has the same examples in the same order each time, and from a fresh source."""
    source = case.source()
    for split, expected in case.whole(source).items():
        _require_same(case.read(split, source), expected, f"{split}, read again")
        _require_same(case.read(split), expected, f"{split}, read by a fresh source")


def check_processes(case: ReaderCase) -> None:
    """In another process, where it was sent, a source gives the same in the same order."""
    expected = case.whole()
    for split, found in read_elsewhere(case.source(), seed="12").items():
        _require_same(found, expected[split], f"{split}, read in another process")


def check_resuming(case: ReaderCase) -> None:
    """A reading may be left and begun anew, begin after some examples, and run beside another."""
    source = case.source()
    for split, expected in case.whole(source).items():
        left = source.examples(split)
        for _ in expected[:1]:
            next(left)
        _require_same(case.read(split, source), expected, f"{split}, begun anew after one was left")
        skipped = len(expected) // 2
        rest = list(itertools.islice(source.examples(split), skipped, None))
        _require_same(rest, expected[skipped:], f"{split} from example {skipped} on")
        beside = list(zip(source.examples(split), source.examples(split), strict=False))
        for pair in zip(*beside, strict=True):
            _require_same(pair, expected, f"{split}, read twice at the same time")


def _require_same(
    found: Sequence[Example | ExampleError], expected: Sequence[Example], what: str
) -> None:
    require(len(found) == len(expected), f"{what}: {len(found)} examples, at first {len(expected)}")
    for place, (one, other) in enumerate(zip(found, expected, strict=True)):
        said, at_first = contents(one), contents(other)
        require(
            said == at_first,
            f"{what}: example {place} is not what it was at first: {said[:200]} rather than "
            f"{at_first[:200]}",
        )


def check_ids(case: ReaderCase) -> None:
    """Ids are texts, unique over all splits, and the same whichever split is read first."""
    whole = case.whole()
    seen: dict[str, str] = {}
    for split, examples in whole.items():
        for example in examples:
            name = example.id
            said = f"an example of {split} has the id {name!r}"
            require(isinstance(name, str) and bool(name), f"{said}; expected a text")
            require(name not in seen, f"{said}, and so has another of {seen.get(name)}")
            seen[name] = split
    source = case.source()
    for split in reversed(SPLITS):
        found = [example.id for example in case.read(split, source)]
        expected = [example.id for example in whole[split]]
        require(
            found == expected,
            f"the ids of {split} are {found[:3]} if the splits are read in another order, and "
            f"{expected[:3]} else",
        )


def check_lazy(case: ReaderCase) -> None:
    """Building a source opens nothing: its files need not even be there."""
    folder = case.need_files()
    with _opened() as opened:
        case.source()
    early = [path for path in opened if path.startswith(str(folder))]
    require(not early, f"building it opens {', '.join(Path(path).name for path in early)}")
    absent = case.moved(folder / "absent")
    try:
        absent.source()
    except Exception as fault:
        raise ConformanceError(
            f"building it looks for its files before an example is asked for: {fault}"
        ) from fault


@contextmanager
def _opened() -> Iterator[list[str]]:
    """Give the paths of the files that Python opens in the block."""
    paths: list[str] = []
    real: Callable[..., Any] = io.open

    def spy(file: Any, *args: Any, **kwargs: Any) -> Any:
        paths.append(str(file))
        return real(file, *args, **kwargs)

    with mock.patch("builtins.open", spy), mock.patch("io.open", spy):
        yield paths


def check_split_names(case: ReaderCase) -> None:
    """A split of another name than train, val and test is refused as a `ConfigError`."""
    with refused(ConfigError, "the split 'valid'"):
        list(case.source().examples("valid"))


READER_CHECKS: tuple[Callable[[ReaderCase], None], ...] = (
    check_fields,
    check_ids,
    check_order,
    check_resuming,
    check_processes,
    check_lazy,
    check_split_names,
    check_origins,
    check_missing,
    check_damaged,
    check_inputs,
)
