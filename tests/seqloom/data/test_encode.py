"""Encoding examples, and rejecting those that cannot be encoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from seqloom.data.collate import Collate
from seqloom.data.encode import Codecs, encode
from seqloom.data.read import _prepared
from seqloom.data.rejected import Rejected
from seqloom.errors import ExampleError, PluginError
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

    def cost(self, arrays: Arrays) -> int:
        return 10 * len(arrays["letters"])

    def frames(self, arrays: Arrays) -> int:
        return len(arrays["letters"])


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

    def check(self, example: Example, arrays: Arrays, frames: int) -> None:
        if arrays["target"] > frames:
            raise ExampleError(example, f"cannot count to {arrays['target']} in {frames} frames")


CODECS = Codecs(Letters(), {"count": Count()})


def _example(number: int, text: str, **fields: Any) -> Example:
    return Example(str(number), {"text": text, **fields}, Origin("data.txt", number))


def test_an_encoded_example_has_inputs_and_targets_with_cost_and_frames() -> None:
    row = CODECS.encode(_example(1, "abc", count=2))
    assert set(row.inputs) == {"letters"}
    assert {name: set(arrays) for name, arrays in row.targets.items()} == {"count": {"target"}}
    assert (row.cost, row.frames) == (30, 3)
    alone = CODECS.encode_inputs(_example(1, "abc"))
    assert (set(alone.inputs), alone.targets) == ({"letters"}, {})
    assert CODECS.collate() == Collate({"letters": -1}, {"count": {"target": 9}})


def test_bad_examples_are_rejected_and_the_others_keep_their_order() -> None:
    rejected = Rejected(skip=True)
    examples = [
        _example(1, "abc", count=1),
        _example(2, ""),
        _example(3, "ab"),
        _example(4, "ab", count=3),
        _example(5, "abcdef", count=0),
        _example(6, "b", count=0),
    ]
    rows = encode(
        CODECS, list(_prepared(CODECS.frontend, examples, rejected)), rejected, max_cost=40
    )
    assert [row.example.id for row in rows] == ["1", "6"]
    assert [str(error) for error in rejected.errors] == [
        "data.txt:2: has no text",
        "data.txt:3: has no count",
        "data.txt:4: cannot count to 3 in 2 frames",
        "data.txt:5: its cost of 60 is more than a batch may have, 40; raise batch.max_cost",
    ]


class Cuts(Letters):
    """Augments by cutting down to so many letters as the generator says."""

    def augment(self, arrays: Arrays, rng: np.random.Generator) -> Arrays:
        return {**arrays, "letters": arrays["letters"][: rng.integers(1, 5)]}


class Strict(Count):
    """Counts how often it was asked."""

    asked = 0

    def check(self, example: Example, arrays: Arrays, frames: int) -> None:
        self.asked += 1
        super().check(example, arrays, frames)


@pytest.mark.parametrize("seed", range(8))
def test_augmentation_is_taken_back_where_a_target_would_not_fit(seed: int) -> None:
    head = Strict()
    codecs = Codecs(Cuts(), {"count": head})
    row = codecs.encode(_example(1, "abcd", count=3))
    letters = int(np.random.default_rng(seed).integers(1, 5))
    head.asked = 0
    found = codecs.augment(row, np.random.default_rng(seed))
    assert found.frames == (letters if letters >= 3 else 4)
    assert found.inputs["letters"].tolist() == [ord(one) for one in "abcd"[: found.frames]]
    assert found.targets["count"]["target"] == 3
    assert (found is row) == (letters < 3)
    assert head.asked == (letters != 4)  # as many frames as before need no check


def test_augmentation_of_an_input_alone() -> None:
    row = Codecs(Cuts(), {}).encode_inputs(_example(1, "abcd"))
    assert 1 <= Codecs(Cuts(), {}).augment(row, np.random.default_rng(0)).frames <= 4


class Reply(Count):
    """Predicts a sequence of numbers, of which it may know the start."""

    padding: Mapping[str, float] = {"reply": 7, "prefix": 8}

    def encode(self, example: Example) -> Arrays:
        return {"reply": np.array(example.fields["reply"])}

    def given(self, example: Example) -> Arrays:
        return {"prefix": np.array(example.fields.get("prefix", []), np.int64)}

    def cost(self, arrays: Arrays) -> int:
        return 10 * len(arrays["reply"])

    def check(self, example: Example, arrays: Arrays, frames: int) -> None:
        if len(arrays["reply"]) > 4:
            raise ExampleError(example, "is too long")

    def augment(self, arrays: Arrays, rng: np.random.Generator) -> Arrays:
        return {"reply": np.repeat(arrays["reply"], rng.integers(1, 4))}


def test_an_example_costs_the_larger_of_its_input_and_its_target() -> None:
    codecs = Codecs(Letters(), {"count": Count(), "reply": Reply()})
    for text, reply, cost in (("abc", [1, 2], 30), ("a", [1, 2], 20)):
        assert codecs.encode(_example(1, text, count=0, reply=reply)).cost == cost
        assert codecs.encode_inputs(_example(1, text)).cost == 10 * len(text)


def test_a_batch_has_what_heads_may_know_when_they_predict() -> None:
    codecs = Codecs(Letters(), {"count": Count(), "reply": Reply()})
    rows = [
        codecs.encode_inputs(_example(1, "abc")),
        codecs.encode_inputs(_example(2, "ab", prefix=[5, 6])),
    ]
    batch = codecs.collate()(rows)
    assert (batch.targets, list(batch.given)) == ({}, ["reply"])
    assert batch.given["reply"]["prefix"].tolist() == [[8, 8], [5, 6]]
    assert batch.given["reply"].lengths["prefix"].tolist() == [0, 2]
    assert batch.given["reply"].ids == ["1", "2"]
    trained = codecs.encode(_example(1, "ab", count=0, reply=[1], prefix=[1]))
    assert trained.given["reply"]["prefix"].tolist() == [1]
    assert batch.to("cpu").given["reply"]["prefix"].tolist() == [[8, 8], [5, 6]]


@pytest.mark.parametrize("seed", range(6))
def test_targets_are_augmented_unless_they_would_no_longer_fit(seed: int) -> None:
    codecs = Codecs(Letters(), {"reply": Reply()})
    row = codecs.encode(_example(1, "abc", reply=[1, 2]))
    times = int(np.random.default_rng(seed).integers(1, 4))
    found = codecs.augment(row, np.random.default_rng(seed)).targets["reply"]["reply"]
    assert found.tolist() == np.repeat([1, 2], times if times < 3 else 1).tolist()
    assert row.targets["reply"]["reply"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (np.array([[1], [2, 3]], dtype=object), "an array of object"),
        (np.array(["a", "b"]), "an array of <U1"),
        ([1, 2], "a list"),
    ],
)
@pytest.mark.parametrize("method", ["encode", "given"])
def test_what_files_and_tensors_cannot_hold_is_refused(
    monkeypatch: pytest.MonkeyPatch, found: Any, words: str, method: str
) -> None:
    example = Example("a:1", {"text": "ab", "count": 1}, Origin("a.csv", 2))
    codecs = Codecs(Letters(), {"count": Count()})
    monkeypatch.setattr(Count, method, lambda *_: {"target": found})
    with pytest.raises(
        PluginError, match=rf"^a.csv:2 \(a:1\): \S+\.Count encodes 'target' as {words}"
    ):
        codecs.encode(example)
    monkeypatch.setattr(Letters, "encode", lambda *_: {"letters": found})
    with pytest.raises(PluginError, match=rf"Letters encodes 'letters' as {words}; expected a Num"):
        codecs.encode_inputs(example)
