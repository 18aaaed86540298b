"""Encoding a split, and what becomes of the examples that cannot be used."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from seqloom.data.encode import Bad, Codecs, encode, prepare, refuse_duplicate_ids, settle
from seqloom.errors import DataError, ExampleError
from seqloom.interfaces import Arrays, Example, FrontendCodec, HeadCodec, Origin


class Letters(FrontendCodec):
    """Reads the field ``text``."""

    padding: Mapping[str, float] = {"letters": -1}

    def prepare(self, example: Example) -> Example:
        if not example.fields.get("text"):
            raise ExampleError(example, "has no text")
        return example

    def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        return None

    def encode(self, example: Example) -> Arrays:
        return {"letters": np.array([ord(letter) for letter in example.fields["text"]])}

    def cost(self, item: Arrays) -> int:
        return 10 * len(item["letters"])

    def frames(self, item: Arrays) -> int:
        return len(item["letters"])


class Count(HeadCodec):
    """Predicts a number that may not be over the number of frames."""

    padding: Mapping[str, float] = {"target": 9}

    def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        return None

    def encode(self, example: Example) -> Arrays:
        if "count" not in example.fields:
            raise ExampleError(example, "has no count")
        return {"target": np.array(example.fields["count"])}

    def check(self, example: Example, item: Arrays, frames: int) -> None:
        if item["target"] > frames:
            raise ExampleError(example, f"cannot count to {item['target']} in {frames} frames")


CODECS = Codecs(Letters(), {"count": Count()})


def _example(number: int, text: str, **fields: Any) -> Example:
    return Example(str(number), {"text": text, **fields}, Origin("data.txt", number))


def test_a_row_holds_inputs_and_targets_with_cost_and_frames() -> None:
    row = CODECS.row(_example(1, "abc", count=2))
    assert set(row.item) == {"letters", "count/target"}
    assert (row.cost, row.frames) == (30, 3)
    assert set(CODECS.inputs(_example(1, "abc")).item) == {"letters"}
    assert CODECS.padding() == {"letters": -1, "count/target": 9}


def test_bad_examples_are_set_aside_and_the_others_keep_their_order() -> None:
    bad = Bad(skip=True)
    examples = [
        _example(1, "abc", count=1),
        _example(2, ""),
        _example(3, "ab"),
        _example(4, "ab", count=3),
        _example(5, "abcdef", count=0),
        _example(6, "b", count=0),
    ]
    rows = encode(CODECS, prepare(CODECS.frontend, examples, bad), bad, max_cost=40)
    assert [row.example.id for row in rows] == ["1", "6"]
    assert [str(fault) for fault in bad.faults] == [
        "data.txt:2: has no text",
        "data.txt:3: has no count",
        "data.txt:4: cannot count to 3 in 2 frames",
        "data.txt:5: its size of 60 is over the 40 that a batch may have; raise batch.max_cost",
    ]


def test_settling_lists_the_first_and_counts_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    faults = [ExampleError(_example(number, ""), "is bad") for number in range(1, 13)]
    refusing, skipping = Bad(skip=False), Bad(skip=True)
    refusing.faults, skipping.faults = faults, faults
    with pytest.raises(DataError) as caught:
        refusing.settle("the val split")
    lines = str(caught.value).splitlines()
    assert lines[0] == "12 examples of the val split cannot be used:"
    assert lines[1:11] == [f"  data.txt:{number}: is bad" for number in range(1, 11)]
    assert lines[11:] == [
        "  … and 2 more",
        "Mend the data, or leave them out with on_bad=skip.",
    ]
    with caplog.at_level(logging.WARNING, "seqloom"):
        skipping.settle("the val split")
    assert caplog.messages[0].startswith("Skipped 12 examples of the val split:\n  data.txt:1:")


class OddError(ExampleError):
    """A fault that has a remedy."""

    @classmethod
    def remedy(cls, faults: Sequence[ExampleError]) -> str:
        return f"Mend {', '.join(fault.example_id for fault in faults)} at once."


@pytest.mark.parametrize("skip", [True, False])
def test_what_mends_many_is_said_once_over_all_splits(
    skip: bool, caplog: pytest.LogCaptureFixture
) -> None:
    found = {name: Bad(skip) for name in ("train", "val", "test")}
    found["train"].faults = [OddError(_example(1, ""), "is odd")]
    found["test"].faults = [
        ExampleError(_example(2, ""), "is bad"),
        OddError(_example(3, ""), "is odd"),
    ]
    if skip:
        settle(found)
        assert caplog.messages == [
            "Skipped 1 example of the train split:\n  data.txt:1: is odd",
            "Skipped 2 examples of the test split:\n  data.txt:2: is bad\n  data.txt:3: is odd",
            "Mend 1, 3 at once.",
        ]
        return
    with pytest.raises(DataError) as caught:
        settle(found)
    assert str(caught.value).splitlines() == [
        "1 example of the train split cannot be used:",
        "  data.txt:1: is odd",
        "2 examples of the test split cannot be used:",
        "  data.txt:2: is bad",
        "  data.txt:3: is odd",
        "Mend 1, 3 at once.",
        "Mend the data, or leave them out with on_bad=skip.",
    ]


@pytest.mark.parametrize("skip", [True, False])
def test_settling_nothing_says_nothing(skip: bool, caplog: pytest.LogCaptureFixture) -> None:
    Bad(skip).settle("the val split")
    assert not caplog.messages


def test_duplicate_ids_are_refused_with_both_places() -> None:
    refuse_duplicate_ids([_example(1, "a"), _example(2, "a")], "the train split")
    with pytest.raises(
        DataError, match=r"train split have the id '1': data\.txt:1 and data\.txt:1"
    ):
        refuse_duplicate_ids([_example(1, "a"), _example(1, "b")], "the train split")
    with pytest.raises(DataError, match="'x': one and another; ids must be unique"):
        refuse_duplicate_ids([Example("x", {}), Example("x", {})], "the train split")


class Cuts(Letters):
    """Augments by cutting down to so many letters as the generator says."""

    def augment(self, item: Arrays, rng: np.random.Generator) -> Arrays:
        return {**item, "letters": item["letters"][: rng.integers(1, 5)]}


class Strict(Count):
    """Counts how often it was asked."""

    asked = 0

    def check(self, example: Example, item: Arrays, frames: int) -> None:
        self.asked += 1
        super().check(example, item, frames)


@pytest.mark.parametrize("seed", range(8))
def test_augmentation_is_taken_back_where_a_target_would_not_fit(seed: int) -> None:
    head = Strict()
    codecs = Codecs(Cuts(), {"count": head})
    row = codecs.row(_example(1, "abcd", count=3))
    letters = int(np.random.default_rng(seed).integers(1, 5))
    head.asked = 0
    found = codecs.augmented(row, np.random.default_rng(seed))
    assert found.frames == (letters if letters >= 3 else 4)
    assert found.item["letters"].tolist() == [ord(one) for one in "abcd"[: found.frames]]
    assert found.item["count/target"] == 3
    assert (found is row) == (letters < 3)
    assert head.asked == (letters != 4)  # as many frames as before need no check


def test_augmentation_of_an_input_alone() -> None:
    row = Codecs(Cuts(), {}).inputs(_example(1, "abcd"))
    assert 1 <= Codecs(Cuts(), {}).augmented(row, np.random.default_rng(0)).frames <= 4
