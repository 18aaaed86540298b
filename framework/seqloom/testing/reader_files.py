"""What every reader of files promises of them: origins, bad input, and new inputs."""

from __future__ import annotations

import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from seqloom.errors import ConfigError, DataError, ExampleError
from seqloom.interfaces import SPLITS, Example, Reader
from seqloom.testing.compare import ConformanceError, NotApplicable, refused, require
from seqloom.testing.reader_case import ReaderCase, usable

MOST = 12
"""Files that are spoilt one by one; the others of a case are like them."""

GARBAGE = b"\xff\xfe\xff"
"""No UTF-8, wherever it stands."""


def check_origins(case: ReaderCase) -> None:
    """Every example says in which file it was read, and in which line of a text it starts."""
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
    """Require a word that only one example has to stand between its line and that of the next.

    Words that stand nowhere in the file are a reader's own, and tell nothing.
    """
    whole = file.read_bytes().decode("utf-8", "replace")
    content = whole.split("\n")
    numbers = sorted(starts)
    words = {number: {*_words(starts[number])} for number in numbers}
    times = Counter(word for own in words.values() for word in own)
    for number, after in zip(numbers, [*numbers[1:], len(content) + 1], strict=True):
        what = f"{starts[number][0].id!r} is said to start in line {number} of {file.name}"
        require(1 <= number <= len(content), f"{what}, which has lines 1 to {len(content)}")
        text = "\n".join(content[number - 1 : after - 1])
        own = sorted(word for word in words[number] if times[word] == 1 and word in whole)
        require(
            not own or any(word in text for word in own),
            f"{what}, but none of {own[:3]} stands there: {text[:60]!r}",
        )


def _words(examples: Iterable[Example]) -> Iterator[str]:
    """Yield what may be found of examples where they were read."""
    for example in examples:
        for value in (*example.fields.values(), *example.meta.values()):
            for one in value if isinstance(value, list | tuple) else [value]:
                yield from one.split() if isinstance(one, str) else ()
        # Not the numbers: those that a reader counts stand in no file.
        yield from (part for part in re.split(r"[:/#]", example.id) if not part.isdecimal())


def check_missing(case: ReaderCase) -> None:
    """A file that is not there is a `DataError` with its name."""
    folder = case.need_files()
    for path in case.files:
        with case.copied() as (copy, place):
            lost = place / path.relative_to(folder)
            shutil.rmtree(lost) if lost.is_dir() else lost.unlink()
            faults = _read(copy, f"without {path.name}")[1]
            require(bool(faults), f"nothing is said of {path.name}, which is not there")
            require(
                any(path.name in str(fault) for fault in faults),
                f"{path.name} is not there, and is not named: {faults[0]}",
            )
    absent = [f"absent{suffix}" for suffix in case.suffixes if suffix != "/"][:1]
    for name in absent:
        with refused(DataError, f"an input {name} that is not there"):
            usable(case.source().inputs([name]))


def check_damaged(case: ReaderCase) -> None:
    """A file that is cut off, garbled or empty still reads, or is an error that names it.

    No error but `DataError`, and `ConfigError` where too few examples are left; and no example is
    lost without a word. Of a file that is cut off that cannot be asked, as it may end there.
    """
    folder = case.need_files()
    whole = sum(map(len, case.whole().values()))
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    for name in files[:MOST]:
        for damage, how in ((_cut, "cut off"), (_garble, "garbled"), (_empty, "emptied")):
            with case.copied() as (copy, place):
                damage(place / name)
                count, faults = _read(copy, f"with {name} {how}")
            _require_named(faults, files, f"{name} is {how}")
            require(
                bool(faults) or count >= whole or damage is _cut,
                f"{name} is {how}: {count} examples are read rather than {whole}, and nothing is "
                "said",
            )


def _require_named(faults: list[Exception], files: list[Path], what: str) -> None:
    """Require errors to name a file; one that another names may be called by the other's line."""
    for fault in faults:
        named = any(file.name in str(fault) for file in files)
        require(named or isinstance(fault, ConfigError), f"{what}, and no file is named: {fault}")


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
    """Return how many examples all splits have, and the errors of others.

    Raises:
        ConformanceError: an error that no user should see, or one that ends a split needlessly.
    """
    count = 0
    errors: list[Exception] = []
    try:
        reader = case.source()
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
    """``inputs`` gives an example for each of a file; without files it is a `DataError`."""
    if not case.files:
        with refused(DataError, "a file, by a source that reads none,"):
            usable(case.source().inputs(["absent.txt"]))
        return
    counts = {split: len(examples) for split, examples in case.whole().items()}
    own = [split for split in SPLITS if _own(case, split)]
    # What has no file of its own is cut from the training file.
    counts["train"] += sum(count for split, count in counts.items() if split not in own)
    readable = [split for split in own if _suffixed(case, Path(case.params[split]))]
    if not readable:
        raise NotApplicable("no file of train, val or test has one of the component's suffixes")
    for split in readable:
        path = Path(case.params[split])
        found = _listed(case, path)
        require(
            len(found) == counts[split],
            f"inputs() gives {len(found)} examples of {path.name}, which has {counts[split]}",
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
        return usable(case.source().inputs([str(path)]))
    except DataError as fault:
        raise ConformanceError(f"inputs() does not read {path.name}: {fault}") from None
