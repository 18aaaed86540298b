"""What every reader of files promises, as checks: origins, bad files, and new inputs."""

from __future__ import annotations

import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from seqloom.errors import ConfigError, DataError, ExampleError
from seqloom.interfaces import SPLITS, Example, Reader
from seqloom.testing.compare import ConformanceError, NotApplicable, require, require_raises
from seqloom.testing.readers import ReaderCase, usable

MOST = 12
"""Largest number of files that are damaged, one at a time; the others are like them."""

GARBAGE = b"\xff\xfe\xff"
"""Not UTF-8 at any place."""


def check_origins(case: ReaderCase) -> None:
    """Every example has its file as its origin and, from a text, the line in which it starts."""
    case.need_files()
    lines: dict[str, dict[int, list[Example]]] = defaultdict(lambda: defaultdict(list))
    for split, examples in case.whole().items():
        for example in examples:
            origin = example.origin
            require(origin is not None, f"{example.id!r} of {split} has no origin")
            assert origin is not None
            require(bool(origin.file), f"the origin of {example.id!r} of {split} names no file")
            if origin.line is not None:
                lines[origin.file][origin.line].append(example)
    for file, starts in lines.items():
        if Path(file).is_file():
            _require_true_lines(Path(file), starts)


def _require_true_lines(file: Path, starts: dict[int, list[Example]]) -> None:
    """Require a word that only one example has to be between its line and that of the next.

    Words that are nowhere in the file are made up by the reader, and are ignored.
    """
    whole = file.read_bytes().decode("utf-8", "replace")
    content = whole.split("\n")
    numbers = sorted(starts)
    words = {number: {*_words(starts[number])} for number in numbers}
    times = Counter(word for own in words.values() for word in own)
    for number, after in zip(numbers, [*numbers[1:], len(content) + 1], strict=True):
        what = f"the origin of {starts[number][0].id!r} is line {number} of {file.name}"
        require(1 <= number <= len(content), f"{what}, which has lines 1 to {len(content)}")
        text = "\n".join(content[number - 1 : after - 1])
        own = sorted(word for word in words[number] if times[word] == 1 and word in whole)
        require(
            not own or any(word in text for word in own),
            f"{what}, but none of {own[:3]} is there: {text[:60]!r}",
        )


def _words(examples: Iterable[Example]) -> Iterator[str]:
    """Yield the words of examples that may be found where they were read."""
    for example in examples:
        for value in (*example.fields.values(), *example.meta.values()):
            for one in value if isinstance(value, list | tuple) else [value]:
                yield from one.split() if isinstance(one, str) else ()
        # Not the numbers: those that a reader counts are in no file.
        yield from (part for part in re.split(r"[:/#]", example.id) if not part.isdecimal())


def check_missing(case: ReaderCase) -> None:
    """A missing file is a `DataError` that names it."""
    folder = case.need_files()
    for path in case.files:
        with case.copied() as (copy, place):
            lost = place / path.relative_to(folder)
            shutil.rmtree(lost) if lost.is_dir() else lost.unlink()
            errors = _read(copy, f"without {path.name}")[1]
            require(bool(errors), f"{path.name} is missing, and no error is raised")
            require(
                any(path.name in str(error) for error in errors),
                f"{path.name} is missing, and the error does not name it: {errors[0]}",
            )
    absent = [f"absent{suffix}" for suffix in case.suffixes if suffix != "/"][:1]
    for name in absent:
        with require_raises(DataError, f"a missing input {name}"):
            usable(case.reader().inputs([name]))


def check_damaged(case: ReaderCase) -> None:
    """A truncated, garbled or empty file can still be read, or raises an error that names it.

    Only `DataError` is allowed, and `ConfigError` if too few examples are left; and no example is
    lost silently. The last is not asked of a truncated file, which may well end there.
    """
    folder = case.need_files()
    whole = sum(map(len, case.whole().values()))
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    for name in files[:MOST]:
        for damage, how in ((_cut, "truncated"), (_garble, "garbled"), (_empty, "empty")):
            with case.copied() as (copy, place):
                damage(place / name)
                count, errors = _read(copy, f"with {name} {how}")
            _require_named(errors, files, f"{name} is {how}")
            require(
                bool(errors) or count >= whole or damage is _cut,
                f"{name} is {how}: {count} examples are read instead of {whole}, and no error is "
                "raised",
            )


def _require_named(errors: list[Exception], files: list[Path], what: str) -> None:
    """Require errors to name a file of the case."""
    for error in errors:
        named = any(file.name in str(error) for file in files) or isinstance(error, ConfigError)
        require(named, f"{what}, and the error names no file: {error}")


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _garble(file: Path) -> None:
    """Write garbage over a word in the middle, so that lines and cells stay as many."""
    content = file.read_bytes()
    words = [found.start() for found in re.finditer(rb"[A-Za-z0-9]{3}", content)]
    place = words[len(words) // 2] if words else len(content) // 2
    file.write_bytes(content[:place] + GARBAGE + content[place + len(GARBAGE) :])


def _read(case: ReaderCase, what: str) -> tuple[int, list[Exception]]:
    """Return how many examples all splits have, and the errors for others.

    Raises:
        ConformanceError: An error that no user should see, or one that ends a split needlessly.
    """
    count = 0
    errors: list[Exception] = []
    try:
        reader = case.reader()
        for split in SPLITS:
            found, own = _read_split(reader, split)
            count += found
            errors += own
    except ExampleError as error:
        raise ConformanceError(
            f"{what}, reading raises an ExampleError, which loses the examples after it; expected "
            f"that it is yielded: {error}"
        ) from error
    except Exception as error:
        raise ConformanceError(
            f"{what}, reading raises {type(error).__name__}: {error}; expected a DataError"
        ) from error
    return count, errors


def _read_split(reader: Reader, split: str) -> tuple[int, list[Exception]]:
    count = 0
    errors: list[Exception] = []
    try:
        for one in reader.examples(split):
            if isinstance(one, ExampleError):
                errors.append(one)
            else:
                count += 1
    except ExampleError:
        raise
    except (DataError, ConfigError) as error:
        errors.append(error)
    return count, errors


def check_inputs(case: ReaderCase) -> None:
    """``inputs`` reads every example of a file; a reader without files raises a `DataError`."""
    if not case.files:
        with require_raises(DataError, "a file, by a reader that reads none,"):
            usable(case.reader().inputs(["absent.txt"]))
        return
    counts = {split: len(examples) for split, examples in case.whole().items()}
    own = [split for split in SPLITS if _own(case, split)]
    # A split without a file is taken from the training file.
    counts["train"] += sum(count for split, count in counts.items() if split not in own)
    readable = [split for split in own if _suffixed(case, Path(case.params[split]))]
    if not readable:
        raise NotApplicable("no file of train, val or test has one of the component's suffixes")
    for split in readable:
        path = Path(case.params[split])
        found = _listed(case, path)
        require(
            len(found) == counts[split],
            f"inputs() reads {len(found)} examples of {path.name}, which has {counts[split]}",
        )
        ids = {example.id for example in found}
        require(len(ids) == len(found), f"{len(found)} inputs have only {len(ids)} ids")
        for example in found:
            there = ", ".join(example.fields) or "none"
            require(
                any(name in example.fields for name in case.gives),
                f"the input {example.id!r} has the fields {there}; expected some of "
                f"{', '.join(case.gives)}",
            )


def _own(case: ReaderCase, split: str) -> bool:
    path = case.params.get(split)
    return isinstance(path, str | Path) and Path(path) in case.files


def _suffixed(case: ReaderCase, path: Path) -> bool:
    if path.is_dir():
        return "/" in case.suffixes
    return path.name.lower().removesuffix(".gz").endswith(tuple(case.suffixes))


def _listed(case: ReaderCase, path: Path) -> list[Example]:
    try:
        return usable(case.reader().inputs([str(path)]))
    except DataError as error:
        raise ConformanceError(f"inputs() does not read {path.name}: {error}") from None
