"""Each check of data readers catches a reader that breaks its promise, and says how."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqloom.errors import ConfigError, DataError, ExampleError
from seqloom.interfaces import SPLITS, Example, Origin, Reader
from seqloom.testing import (
    READER_CHECKS,
    ConformanceError,
    ReaderCase,
    readers,
)
from seqloom.testing import reader_fields as fields
from seqloom.testing import reader_files as files
from seqloom.testing.compare import NotApplicable
from seqloom.testing.reader_case import contents

GIVES = {"tokens": "tokens", "tags": "tags", "label": "label"}
ROWS = (
    "the lid closed\tO B-X O\tgood",
    "it fell\tO O\tbad",
    "no lamp works here\tO B-X O O\tbad",
    "sturdy\tO\tgood",
)


class Sound(Reader):
    """Reads tables of tokens, tags and a label."""

    def __init__(self, train: str, val: str, test: str) -> None:
        self.files = {"train": train, "val": val, "test": test}

    def examples(self, split: str) -> Iterator[Example]:
        if split not in SPLITS:
            raise ConfigError(f"No split {split!r}.")
        return self.read(self.files[split])

    def inputs(self, paths: Sequence[str]) -> Iterator[Example]:
        return (example for path in paths for example in self.read(path))

    def read(self, path: str) -> Iterator[Example]:
        lines = self.lines(path)
        if not lines:
            raise DataError(f"{path}: the file is empty.")
        for number, line in enumerate(lines, 1):
            yield self.example(path, number, line)

    def lines(self, path: str) -> list[str]:
        try:
            return self.decoded(Path(path).read_bytes(), path).splitlines()
        except FileNotFoundError:
            raise DataError(f"{path}: no such file.") from None

    def decoded(self, content: bytes, path: str) -> str:
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise DataError(f"{path}: not UTF-8.") from None

    def example(self, path: str, number: int, line: str) -> Example:
        cells = line.split("\t")
        if len(cells) != 3:
            raise DataError(f"{path}:{number}: {len(cells)} cells; expected 3.")
        fields = {"tokens": cells[0].split(), "tags": cells[1].split(), "label": cells[2]}
        return Example(f"{Path(path).stem}:{number}", fields, Origin(path, number))


class MadeUp(Reader):
    """Makes examples of its own."""

    def examples(self, split: str) -> Iterator[Example]:
        if split not in SPLITS:
            raise ConfigError(f"No split {split!r}.")
        for number in range(3):
            fields = {"tokens": ["a", "b"], "tags": ["O", "O"], "label": str(number)}
            yield Example(f"{split}:{number}", fields)


class ReadsNothing(MadeUp):
    def inputs(self, paths: Sequence[str]) -> Iterator[Example]:
        return iter(())


class NoLabel(Sound):
    def example(self, path: str, number: int, line: str) -> Example:
        found = super().example(path, number, line)
        del found.fields["label"]
        return found


class NumberLabel(Sound):
    def example(self, path: str, number: int, line: str) -> Example:
        found = super().example(path, number, line)
        found.fields["label"] = number
        return found


class ShortTags(Sound):
    def example(self, path: str, number: int, line: str) -> Example:
        found = super().example(path, number, line)
        found.fields["tags"] = found.fields["tags"][:1]
        return found


class NumberIds(Sound):
    def example(self, path: str, number: int, line: str) -> Example:
        return replace(super().example(path, number, line), id=f"{number}")


class AsTheyCome(Sound):
    count = 0

    def example(self, path: str, number: int, line: str) -> Example:
        self.count += 1
        return replace(super().example(path, number, line), id=f"{self.count}")


class Shuffles(Sound):
    def lines(self, path: str) -> list[str]:
        found = super().lines(path)
        random.shuffle(found)
        return found


class ReadsOnce(Sound):
    def examples(self, split: str) -> Iterator[Example]:
        return super().examples(split) if self.first(split) else iter(())

    def first(self, split: str) -> bool:
        there = self.files.get(f"read {split}") is None
        self.files[f"read {split}"] = "yes"
        return there


class OneReading(Sound):
    """Goes on where a reading was left."""

    def __init__(self, **files: str) -> None:
        super().__init__(**files)
        self.readings: dict[str, Iterator[Example]] = {}

    def examples(self, split: str) -> Iterator[Example]:
        yield from self.readings.setdefault(split, super().examples(split))
        del self.readings[split]


class Unpicklable(Sound):
    def __init__(self, **files: str) -> None:
        super().__init__(**files)
        self.strip = lambda text: text.strip()


class OpensEarly(Sound):
    def __init__(self, **files: str) -> None:
        super().__init__(**files)
        if Path(files["train"]).exists():
            self.lines(files["train"])


class LooksEarly(Sound):
    def __init__(self, **files: str) -> None:
        super().__init__(**files)
        if not Path(files["val"]).exists():
            raise DataError("no such file")


class AnySplit(Sound):
    def examples(self, split: str) -> Iterator[Example]:
        return self.read(self.files[split]) if split in self.files else iter(())


class NoOrigin(Sound):
    def example(self, path: str, number: int, line: str) -> Example:
        return replace(super().example(path, number, line), origin=None)


class FromZero(Sound):
    def example(self, path: str, number: int, line: str) -> Example:
        origin = Origin(path, number - 1)
        return replace(super().example(path, number, line), origin=origin)


class LineBefore(Sound):
    """Does not count the header."""

    def lines(self, path: str) -> list[str]:
        return super().lines(path)[1:]


class RawMissing(Sound):
    def lines(self, path: str) -> list[str]:
        return self.decoded(Path(path).read_bytes(), path).splitlines()


class NamelessMissing(Sound):
    def lines(self, path: str) -> list[str]:
        if not Path(path).exists():
            raise DataError("A file is missing.")
        return super().lines(path)


class SilentMissing(Sound):
    def read(self, path: str) -> Iterator[Example]:
        return super().read(path) if Path(path).exists() else iter(())


class RawDamage(Sound):
    def decoded(self, content: bytes, path: str) -> str:
        return content.decode()


class SkipsDamage(Sound):
    def lines(self, path: str) -> list[str]:
        lines = Path(path).read_bytes().decode(errors="replace").splitlines()
        return [line for line in lines if "\ufffd" not in line]


class NamelessDamage(Sound):
    def decoded(self, content: bytes, path: str) -> str:
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise DataError("A file is damaged.") from None


class RaisesDamage(Sound):
    def decoded(self, content: bytes, path: str) -> str:
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise ExampleError(Example(path, {}), "not UTF-8") from None


class SilentlyEmpty(Sound):
    def read(self, path: str) -> Iterator[Example]:
        return super().read(path) if Path(path).stat().st_size else iter(())


class FewerInputs(Sound):
    def inputs(self, paths: Sequence[str]) -> Iterator[Example]:
        inputs = super().inputs(paths)
        next(inputs)
        return inputs


class RefusesInputs(Sound):
    def inputs(self, paths: Sequence[str]) -> Iterator[Example]:
        raise DataError(f"{paths[0]}: only three files at a time.")


class BareInputs(Sound):
    def inputs(self, paths: Sequence[str]) -> Iterator[Example]:
        return (replace(one, fields={"file": ""}) for one in super().inputs(paths))


class EqualInputs(Sound):
    def inputs(self, paths: Sequence[str]) -> Iterator[Example]:
        return (replace(one, id="input") for one in super().inputs(paths))


OF_FILES = (files.check_origins, files.check_missing, files.check_damaged)

BROKEN: list[tuple[Any, Any, str]] = [
    (fields.check_fields, NoLabel, "'train:1' of train has no field 'label', only tokens, tags"),
    (fields.check_fields, NumberLabel, r"'label' is 1 \(int\); a label is a text"),
    (fields.check_fields, ShortTags, "'train:1' has 1 tags in 'tags' for 3 tokens in 'tokens'"),
    (readers.check_ids, NumberIds, "an example of val has the id '1', and so has another of train"),
    (readers.check_ids, AsTheyCome, "if the splits are read in another order"),
    (readers.check_order, Shuffles, "train, read again: example .* is not what it was at first"),
    (readers.check_order, ReadsOnce, "train, read again: 0 examples, at first 40"),
    (readers.check_resuming, OneReading, "train, begun anew after one was left: 39 examples"),
    (readers.check_processes, Unpicklable, "it cannot be pickled: .*lambda"),
    (readers.check_lazy, OpensEarly, r"building it opens train\.tsv"),
    (readers.check_lazy, LooksEarly, "building it looks for its files before an example"),
    (readers.check_split_names, AnySplit, "the split 'valid' is not refused"),
    (files.check_origins, NoOrigin, "'train:1' of train has no origin"),
    (files.check_origins, FromZero, r"start in line 0 of train\.tsv, which has lines 1 to 41"),
    (
        files.check_origins,
        LineBefore,
        r"in line 1 of train\.tsv, but none of \['train-0-it'\]",
    ),
    (files.check_missing, RawMissing, r"without train\.tsv, reading raises FileNotFoundError"),
    (files.check_missing, NamelessMissing, r"train\.tsv is not there, and is not named: A file"),
    (files.check_missing, SilentMissing, r"nothing is said of train\.tsv, which is not there"),
    (files.check_damaged, RawDamage, r"test\.tsv garbled, reading raises UnicodeDecodeError"),
    (files.check_damaged, SkipsDamage, r"test\.tsv is garbled: 47 examples are read .* than 48"),
    (files.check_damaged, NamelessDamage, r"test\.tsv is garbled, and no file is named"),
    (files.check_damaged, RaisesDamage, "raises an ExampleError, .* expected that it is yielded"),
    (files.check_damaged, SilentlyEmpty, r"test\.tsv is emptied: 44 examples"),
    (files.check_inputs, FewerInputs, r"gives 39 examples of train\.tsv, which has 40"),
    (files.check_inputs, RefusesInputs, r"inputs\(\) does not read train\.tsv: .* at a time"),
    (files.check_inputs, BareInputs, "the input 'train:1' has the fields file; expected some of"),
    (files.check_inputs, ReadsNothing, "a file, by a source that reads none, is not refused"),
    (files.check_inputs, EqualInputs, "40 inputs have only 1 ids"),
]


def _case(cls: type[Reader], folder: Path) -> ReaderCase:
    if issubclass(cls, MadeUp):
        return ReaderCase(cls, {}, GIVES)
    params = {}
    for split in SPLITS:
        # So many for training that no order is the same by luck.
        numbers = range(10) if split == "train" else range(1)
        path = folder / f"{split}.tsv"
        rows = (f"{split}-{number}-{row}\n" for number in numbers for row in ROWS)
        path.write_text("".join(rows), encoding="utf-8")
        params[split] = str(path)
    return ReaderCase(cls, params, GIVES, (".tsv",), folder)


@pytest.mark.parametrize("cls", [Sound, MadeUp])
@pytest.mark.parametrize(
    "check",
    [check for check in READER_CHECKS if check is not readers.check_processes],
    ids=lambda check: check.__name__,
)
def test_a_sound_source_passes(
    check: Callable[[ReaderCase], None], cls: type[Reader], tmp_path: Path
) -> None:
    try:
        check(_case(cls, tmp_path))
    except NotApplicable:
        assert cls is MadeUp
        assert check in (readers.check_lazy, *OF_FILES)


@pytest.mark.parametrize(
    ("check", "broken", "complaint"),
    BROKEN,
    ids=[f"{c.__name__}-{b.__name__}" for c, b, _ in BROKEN],
)
def test_a_broken_source_is_caught(
    check: Callable[[ReaderCase], None], broken: type[Reader], complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(ConformanceError, match=complaint):
        check(_case(broken, tmp_path))


def test_every_check_has_a_broken_source() -> None:
    assert {check for check, _, _ in BROKEN} == set(READER_CHECKS)


def test_contents_differ_where_anything_does() -> None:
    one = Example("a", {"image": np.zeros((2, 3)), "tags": {"x", "y"}}, Origin("f", 1), {"n": 1})
    same = Example("a", {"tags": {"y", "x"}, "image": np.zeros((2, 3))}, Origin("f", 1), {"n": 1})
    assert contents(one) == contents(same)
    others = [
        replace(one, id="b"),
        replace(one, fields={**one.fields, "image": np.zeros((3, 2))}),
        replace(one, fields={**one.fields, "image": np.ones((2, 3))}),
        replace(one, origin=Origin("f", 2)),
        replace(one, meta={"n": "1"}),
    ]
    assert len({contents(one), *map(contents, others)}) == len(others) + 1
