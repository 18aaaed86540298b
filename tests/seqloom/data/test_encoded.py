"""A split keeps its arrays and drops raw images; from a folder it comes back as it was."""

from __future__ import annotations

import gc
import json
import os
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqloom.data.collate import EncodedExample
from seqloom.data.encoded import EncodedSplit
from seqloom.data.split_writer import write_split
from seqloom.errors import DataError, RunError
from seqloom.interfaces import Example, Origin


def _example(number: int, **fields: Any) -> Example:
    origin = Origin("data.txt", number) if number else None
    return Example(f"e{number}", {"text": f"text {number}", **fields}, origin, {"page": number})


def _encoded(number: int, example: Example) -> EncodedExample:
    inputs = {
        "words": np.arange(number + 1),
        "characters": np.full((number, 3 - number % 2), number, np.uint8),
        "scale": np.array(number / 2, np.float32),
    }
    targets = {"ner": {"words": np.array([7] * number, np.int64)}, "other": {}}
    return EncodedExample(example, inputs, targets, 10 * number, number + 1)


def _split(count: int = 4, **fields: Any) -> EncodedSplit:
    return EncodedSplit([_encoded(n, _example(n, **fields)) for n in range(count)])


def _same(found: EncodedSplit, expected: EncodedSplit) -> None:
    assert found.ids == expected.ids
    assert (found.costs == expected.costs).all()
    assert (found.steps == expected.steps).all()
    for one, other in zip(found, expected, strict=True):
        assert one.example == other.example
        assert (one.cost, one.frames) == (other.cost, other.frames)
        assert list(one.targets) == list(other.targets)
        for mine, theirs in (
            (one.inputs, other.inputs),
            (one.targets["ner"], other.targets["ner"]),
        ):
            assert mine.keys() == theirs.keys()
            for name, array in theirs.items():
                assert (mine[name].dtype, mine[name].shape) == (array.dtype, array.shape)
                assert (mine[name] == array).all()


def test_it_is_a_sequence_with_costs_and_steps() -> None:
    split = _split()
    assert split.ids == ["e0", "e1", "e2", "e3"]
    assert split.costs.tolist() == [0, 10, 20, 30]
    assert split.steps.tolist() == [1, 2, 3, 4]
    assert split[-1].example.id == "e3"
    inputs, targets = split.arrays(2)
    assert inputs["words"].tolist() == [0, 1, 2]
    assert targets["ner"]["words"].tolist() == [7, 7]
    assert split[1:3].ids == ["e1", "e2"]
    assert split[1:3].costs.tolist() == [10, 20]
    assert not EncodedSplit([])


def test_raw_arrays_are_not_kept_and_are_read_again() -> None:
    class Image:
        """Stands in for an array."""

        __array__ = None

    image = Image()
    known = weakref.ref(image)
    reads = []

    def read() -> Iterator[Example]:
        for number in range(4):
            reads.append(number)
            yield _example(number, image=np.full(3, number))

    split = EncodedSplit([_encoded(n, _example(n, image=image)) for n in range(4)], read)
    del image
    gc.collect()
    assert known() is None
    assert split[2].example.fields == {"text": "text 2"}
    assert split.example(2).fields["image"].tolist() == [2, 2, 2]
    reads.clear()
    assert [one.id for one in split.examples([2, 0])] == ["e2", "e0"]
    assert reads == [0, 1, 2]
    assert split[2:].example(0).fields["image"].tolist() == [2, 2, 2]


def test_an_example_with_plain_fields_is_not_read_again() -> None:
    def read() -> Iterator[Example]:
        raise AssertionError

    split = EncodedSplit([_encoded(1, _example(1))], read)
    assert split.example(0) == _example(1)


def test_an_example_that_is_gone() -> None:
    encoded = [_encoded(n, _example(n, image=np.zeros(2))) for n in range(3)]
    with pytest.raises(DataError, match=r"^No longer among the examples: e1, e2\.$"):
        EncodedSplit(encoded, lambda: [_example(0)]).examples([0, 2, 1])
    assert EncodedSplit(encoded).example(1).fields == {"text": "text 1"}


@pytest.mark.parametrize("count", [0, 1, 4])
def test_from_a_folder_it_is_the_same(tmp_path: Path, count: int) -> None:
    split = _split(count)
    split.save(tmp_path / "split")
    found = EncodedSplit.load(tmp_path / "split")
    _same(found, split)
    assert found.digest() == split.digest()
    _same(found[1:], split[1:])
    for one in found:
        one.inputs["words"][:] = 9  # what is read belongs to the reader
    assert EncodedSplit.load(tmp_path / "split").digest() == split.digest()
    assert {path.suffix for path in (tmp_path / "split").iterdir()} <= {".bin", ".npy", ".json"}


def test_types_and_numbers_of_axes_may_differ(tmp_path: Path) -> None:
    arrays = [np.zeros((2, 3), np.uint8), np.ones(4, np.int64), np.array(2.5, np.float32)]
    split = EncodedSplit(
        [EncodedExample(Example(str(n), {}), {"x": one}) for n, one in enumerate(arrays)]
    )
    split.save(tmp_path)
    for found, array in zip(EncodedSplit.load(tmp_path), arrays, strict=True):
        assert (found.inputs["x"].dtype, found.inputs["x"].tolist()) == (
            array.dtype,
            array.tolist(),
        )


@pytest.mark.parametrize("value", [Path("x"), (1, 2), float("nan"), {1: 2}, np.zeros(2)])
def test_what_json_does_not_give_back_is_read_again(tmp_path: Path, value: Any) -> None:
    EncodedSplit([_encoded(1, _example(1, value=value))]).save(tmp_path)
    found = EncodedSplit.load(tmp_path, lambda: [_example(1, value="again")])
    assert "value" not in found[0].example.fields
    assert found.example(0).fields["value"] == "again"


def test_the_digest_tells_ids_names_and_values_apart() -> None:
    def digest(name: str = "a", key: str = "x", value: int = 0) -> str:
        one = EncodedExample(Example(name, {}), {key: np.array([value])})
        return EncodedSplit([one]).digest()

    assert digest() == digest()
    assert len({digest(), digest(name="b"), digest(key="y"), digest(value=1)}) == 4


def test_ids_have_parts(tmp_path: Path) -> None:
    _split().save(tmp_path)
    assert EncodedSplit.load(tmp_path).ids[1:3] == ["e1", "e2"]


def test_a_split_whose_examples_end_in_an_error_leaves_no_open_file(tmp_path: Path) -> None:
    def rows() -> Iterator[EncodedExample]:
        yield _encoded(1, _example(1))
        raise DataError("no more")

    with pytest.raises(DataError, match="no more"):
        write_split(tmp_path, rows())
    opened = Path("/proc/self/fd")
    if opened.is_dir():
        assert not [one for one in opened.iterdir() if str(tmp_path) in os.path.realpath(one)]
    with pytest.raises(RunError, match="is missing or damaged"):
        EncodedSplit.load(tmp_path)


def test_a_folder_of_another_version(tmp_path: Path) -> None:
    _split().save(tmp_path)
    facts = json.loads((tmp_path / "split.json").read_text())
    (tmp_path / "split.json").write_text(json.dumps({**facts, "version": 999}))
    with pytest.raises(RunError, match="it has version 999; expected"):
        EncodedSplit.load(tmp_path)


def test_a_damaged_folder(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is missing or damaged"):
        EncodedSplit.load(tmp_path / "nowhere")
    _split().save(tmp_path)
    (tmp_path / "split.json").write_text("{}", encoding="utf-8")
    with pytest.raises(RunError, match="is missing or damaged"):
        EncodedSplit.load(tmp_path)


def test_what_heads_may_know_is_stored(tmp_path: Path) -> None:
    def one(number: int) -> EncodedExample:
        inputs = {"given/ner/x": np.array([number])}  # an array may have any name
        given = {"ner": {"prefix": np.arange(number)}}
        example = Example(f"e{number}", {})
        return EncodedExample(example, inputs, {"ner": {"tags": np.zeros(1)}}, 1, 1, given=given)

    split = EncodedSplit([one(0), one(2)])
    split.save(tmp_path / "split")
    found = EncodedSplit.load(tmp_path / "split")
    assert [row.given["ner"]["prefix"].tolist() for row in found] == [[], [0, 1]]
    assert [list(row.targets["ner"]) for row in found] == [["tags"], ["tags"]]
    assert found.digest() == split.digest()
