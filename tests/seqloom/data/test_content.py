"""Hashes of what examples contain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqloom.data import content
from seqloom.data.collate import EncodedExample
from seqloom.data.content import (
    ContentFields,
    Contents,
    contents,
    load_contents,
    save_contents,
    values_digest,
)
from seqloom.interfaces import Arrays, Example, FrontendCodec

TEXTS = ContentFields(read=("label", "text"), inputs=(("tokens", "text"),))


class Codec(FrontendCodec):
    """A codec that decides nothing about contents."""

    def fit(self, examples: Any) -> dict[str, Any]:
        return {}

    def restore(self, state: Any) -> None:
        return

    def encode(self, example: Example) -> Arrays:
        return {}

    def cost(self, arrays: Arrays) -> int:
        return 1

    def frames(self, arrays: Arrays) -> int:
        return 1


class CaseBlind(Codec):
    """A codec for which texts that differ in case are one input."""

    def content(self, example: Example, arrays: Arrays) -> Any:
        return example.fields["text"].lower()


def rows(*fields: dict[str, Any], array: Any = 0) -> list[EncodedExample]:
    return [
        EncodedExample(Example(f"{n}-{one}", one), {"x": np.array(array)})
        for n, one in enumerate(fields)
    ]


def of(*fields: dict[str, Any], codec: FrontendCodec | None = None, **options: Any) -> Contents:
    return contents(rows(*fields, **options), codec or Codec(), TEXTS)


A, B, C = ({"text": word, "label": "x"} for word in "abc")


def test_ids_order_and_derived_fields_do_not_matter() -> None:
    assert of(A, B).facts() == of(B, {**A, "extra": 3}).facts()
    assert of(A, B).facts()["examples"] == 2
    assert of(A, B).facts() != of(A, A).facts() != of(A).facts()


def test_a_changed_label_is_a_change_but_the_same_input() -> None:
    other = {**A, "label": "y"}
    assert of(A).facts() != of(other).facts()
    assert of(A).among(of(other)) == 1
    assert (of(A, B, B).among(of(B, C)), of(B, C).among(of(A))) == (2, 0)
    assert (of(A, B, B).missing(of(B, C)), of(B, C).missing(of(A, B, B))) == (1, 2)


def test_the_preferred_field_is_the_input() -> None:
    spaced = {"text": "a  b", "tokens": ["a", "b"], "label": "x"}
    assert of(spaced).among(of({"text": "a b", "tokens": ["a", "b"], "label": "x"})) == 1


def test_values_that_are_not_plain_count_by_their_arrays() -> None:
    image = {"text": np.zeros((2, 2)), "label": "x"}
    assert of(image, array=[1, 2]).facts() == of(dict(image), array=[1, 2]).facts()
    assert of(image, array=[1, 2]).facts() != of(image, array=[1, 3]).facts()
    assert of(image, array=[1, 2]).among(of({**image, "label": "y"}, array=[1, 2])) == 1


class File:
    """A file that is loaded late."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def digest(self) -> str:
        return self.data.hex()


def test_files_count_by_their_bytes_however_they_are_decoded(tmp_path: Path) -> None:
    def image(data: bytes) -> dict[str, Any]:
        return {"text": File(data), "label": "x"}

    found = of(image(b"1"), array=[1, 2])
    assert found.facts() == of(image(b"1"), array=[1, 3]).facts()
    assert found.facts() != of(image(b"2"), array=[1, 2]).facts()
    assert found.facts() != of({**image(b"1"), "label": "y"}, array=[1, 2]).facts()
    assert found.facts()["of"] == "files"
    save_contents(tmp_path / "contents.npz", {"train": found})
    assert load_contents(tmp_path / "contents.npz")["train"].facts() == found.facts()


def test_a_reader_may_say_what_it_made_of_a_file() -> None:
    def cut(where: int, gray: int) -> Contents:
        row = rows({"text": np.full((2, 2), gray), "label": "x"}, array=gray)[0]
        row.example.meta["content"] = ["page", where]
        return contents([row], Codec(), TEXTS)

    assert cut(1, 200).facts() == cut(1, 201).facts() != cut(2, 200).facts()
    assert cut(1, 200).among(cut(1, 201)) == 0  # what the frontend reads decides


def test_a_frontend_may_have_its_own_notion_of_equal_inputs() -> None:
    upper = {"text": "A", "label": "x"}
    assert of(A).among(of(upper)) == 0
    assert of(A, codec=CaseBlind()).among(of(upper, codec=CaseBlind())) == 1


def test_lone_surrogates_have_hashes() -> None:
    assert len(of({"text": "\ud800", "label": "x"})) == 1


def test_they_are_stored(tmp_path: Path) -> None:
    path = tmp_path / "contents.npz"
    save_contents(path, {"train": of(A, B), "val": of()})
    found = load_contents(path)
    assert found["train"].facts() == of(A, B).facts()
    assert len(found["val"]) == 0


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 cut short", b"\x93NUMPY"])
def test_what_cannot_be_read_is_not_known(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "contents.npz"
    assert load_contents(path) == {}
    path.write_bytes(damage)
    assert load_contents(path) == {}
    np.savez(path, **{"train.whole": np.zeros(2), "train.inputs": np.zeros(2)})
    assert load_contents(path) == {}


def test_the_digest_of_values_does_not_depend_on_the_frontend() -> None:
    def digest(*fields: dict[str, Any]) -> str:
        return values_digest((row.example for row in rows(*fields)), TEXTS)

    assert digest(A, B) == digest(B, {**A, "tokens": ["a"]}) != digest(A, C)
    image = {"text": np.zeros(3), "label": "x"}
    gone = {"label": "x"}  # as a run keeps it
    other = [Example(f"0-{image}", gone)]
    assert digest(image) == values_digest(other, TEXTS) != digest(gone)


@pytest.mark.parametrize("value", ["a\udc80", 1, True, None, 0.5, ("a", "b"), ["a", 1], [["a"]]])
@pytest.mark.parametrize("codec", [Codec, CaseBlind])
def test_values_hash_to_the_same_whether_they_are_made_texts_once(
    monkeypatch: pytest.MonkeyPatch, value: Any, codec: type[FrontendCodec]
) -> None:
    fields = {"text": "A", "label": value, "tokens": ["A"]}
    values = [fields, {**fields, "tokens": value}]
    read = [
        ContentFields(),
        TEXTS,
        ContentFields(("label", "text", "tokens"), (("tokens",), ("label",))),
    ]

    def hashes() -> list[Any]:
        every = [content.ContentHashes(codec(), one) for one in read]
        for found in every:
            for row in rows(*values):
                found.add(row, row.example)
        return [(*one.contents().whole, *one.contents().inputs, *one._values) for one in every]

    found = hashes()
    monkeypatch.setattr(content, "_text", lambda _: None)
    assert found == hashes()


@pytest.mark.parametrize(("own", "others"), [(0, 0), (0, 5), (5, 0), (50, 300), (300, 50)])
def test_examples_among_others_are_counted_as_often_as_they_come(own: int, others: int) -> None:
    rng = np.random.default_rng(own)
    hashes = [rng.integers(0, 60, count).astype(np.uint64) for count in (own, others)]
    found, other = (Contents(one, one) for one in hashes)
    assert found.among(other) == sum(one in hashes[1].tolist() for one in hashes[0].tolist())
