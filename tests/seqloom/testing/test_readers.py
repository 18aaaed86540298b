"""Each check of data readers catches a reader that breaks its promise, and says how."""

from __future__ import annotations

import importlib
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from seqloom.errors import DataError, ExampleError
from seqloom.interfaces import Example, Origin, Reader
from seqloom.testing import READER_CHECKS, ConformanceError, NotApplicable, ReaderCase, readers
from seqloom.testing import reader_files as files
from seqloom.testing.readers import contents

from .sound_reader import MadeUp, Sound, case_of

ELSEWHERE = """
from seqloom.interfaces import Example, Reader


class Plain(Reader):
    def examples(self, split):
        return (Example(f"{split}:{word}", {"label": word}) for word in self.words())

    def words(self):
        return [f"word-{number}" for number in range(20)]


class Hashed(Plain):
    def words(self):
        return {*super().words()}


class KeptInClass(Plain):
    kept = ()

    def __init__(self):
        type(self).kept = super().words()

    def words(self):
        return self.kept
"""


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


class OtherParts(Sound):
    """Loses an example between two parts."""

    def examples_in_parts(self, split: str) -> list[list[Example]]:
        whole = list(self.examples(split))
        return [whole[:2], whole[3:]]


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
    (readers.check_fields, NoLabel, "'train:1' of train has no field 'label', only tokens, tags"),
    (readers.check_fields, NumberLabel, r"'label' is 1 \(int\); a label is a text"),
    (readers.check_fields, ShortTags, "'train:1' has 1 tag in 'tags' for 3 tokens in 'tokens'"),
    (readers.check_ids, NumberIds, "an example of val has the id '1', and so has one of train"),
    (readers.check_ids, AsTheyCome, "if the splits are read in another order"),
    (readers.check_order, Shuffles, "train, read again: example .* differs from the first"),
    (readers.check_order, ReadsOnce, "train, read again: 0 examples, expected 40"),
    (
        readers.check_resuming,
        OneReading,
        "train, restarted after an .* reading: 39 examples",
    ),
    (readers.check_resuming, OtherParts, "train, read in parts: 39 examples, expected 40"),
    (readers.check_processes, Unpicklable, "it cannot be pickled: .*lambda"),
    (readers.check_lazy, OpensEarly, r"building it opens train\.tsv"),
    (readers.check_lazy, LooksEarly, "building it looks for its files before an example"),
    (readers.check_split_names, AnySplit, "the split 'valid' is not rejected"),
    (files.check_origins, NoOrigin, "'train:1' of train has no origin"),
    (
        files.check_origins,
        FromZero,
        r"line 0 of train\.tsv, which has lines 1 to 41",
    ),
    (
        files.check_origins,
        LineBefore,
        r"is line 1 of train\.tsv, but none of \['train-0-it'\]",
    ),
    (files.check_missing, RawMissing, r"without train\.tsv, reading raises FileNotFoundError"),
    (
        files.check_missing,
        NamelessMissing,
        r"train\.tsv is missing, and the error does not name it",
    ),
    (files.check_missing, SilentMissing, r"train\.tsv is missing, and no error is raised"),
    (files.check_damaged, RawDamage, r"test\.tsv garbled, reading raises UnicodeDecodeError"),
    (files.check_damaged, SkipsDamage, r"test\.tsv is garbled: 47 examples are read instead of 48"),
    (files.check_damaged, NamelessDamage, r"test\.tsv is garbled, and the error names no file"),
    (files.check_damaged, RaisesDamage, "raises an ExampleError, .* expected that it is yielded"),
    (files.check_damaged, SilentlyEmpty, r"test\.tsv is empty: 44 examples"),
    (files.check_inputs, FewerInputs, r"reads 39 examples of train\.tsv, which has 40"),
    (files.check_inputs, RefusesInputs, r"inputs\(\) does not read train\.tsv: .* at a time"),
    (files.check_inputs, BareInputs, "the input 'train:1' has the fields file; expected some of"),
    (files.check_inputs, ReadsNothing, "a file, by a reader that reads none, is not rejected"),
    (files.check_inputs, EqualInputs, "40 inputs have only 1 ids"),
]


@pytest.mark.parametrize("cls", [Sound, MadeUp])
@pytest.mark.parametrize(
    "check",
    [check for check in READER_CHECKS if check is not readers.check_processes],
    ids=lambda check: check.__name__,
)
def test_a_sound_reader_passes(
    check: Callable[[ReaderCase], None], cls: type[Reader], tmp_path: Path
) -> None:
    try:
        check(case_of(cls, tmp_path))
    except NotApplicable:
        assert cls is MadeUp
        assert check in (readers.check_lazy, *OF_FILES)


@pytest.mark.parametrize(
    ("check", "broken", "complaint"),
    BROKEN,
    ids=[f"{c.__name__}-{b.__name__}" for c, b, _ in BROKEN],
)
def test_a_broken_reader_is_caught(
    check: Callable[[ReaderCase], None], broken: type[Reader], complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(ConformanceError, match=complaint):
        check(case_of(broken, tmp_path))


def test_every_check_has_a_broken_reader() -> None:
    assert {check for check, _, _ in BROKEN} == set(READER_CHECKS)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A module that another process finds too, and imports without the checks."""
    (tmp_path / "read_elsewhere.py").write_text(ELSEWHERE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("read_elsewhere")
    del sys.modules["read_elsewhere"]


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("Plain", None),
        ("Hashed", "train, read in another process: example .* differs from the first reading"),
        ("KeptInClass", "train, read in another process: 0 examples, expected 20"),
    ],
)
def test_what_another_process_reads(
    name: str, complaint: str | None, elsewhere: ModuleType
) -> None:
    caught = (
        nullcontext() if complaint is None else pytest.raises(ConformanceError, match=complaint)
    )
    with caught:
        readers.check_processes(ReaderCase(getattr(elsewhere, name)))


def test_contents_differ_where_anything_does() -> None:
    one = Example("a", {"image": np.zeros((2, 3)), "tags": {"x", "y"}}, Origin("f", 1), {"n": 1})
    same = Example("a", {"tags": {"y", "x"}, "image": np.zeros((2, 3))}, Origin("f", 1), {"n": 1})
    assert contents(one) == contents(same)
    assert contents(ExampleError(one, "it is empty")) == "f:1: it is empty"
    others = [
        replace(one, id="b"),
        replace(one, fields={**one.fields, "image": np.zeros((3, 2))}),
        replace(one, fields={**one.fields, "image": np.ones((2, 3))}),
        replace(one, origin=Origin("f", 2)),
        replace(one, meta={"n": "1"}),
    ]
    assert len({contents(one), *map(contents, others)}) == len(others) + 1
