"""Long training examples are shortened as asked, counted, and never in the middle of an entity."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from seqloom import fit
from seqloom.data.long import LengthLimit
from seqloom.data.rejected import Rejected
from seqloom.errors import ConfigError, DataError
from seqloom.interfaces import Example, Origin

KINDS = {"tokens": "tokens", "tags": "tags"}
TAGS = ["O", "B-X", "I-X", "I-X", "O", "I-Y", "O"]


def tagged(name: str, tags: list[str]) -> Example:
    tokens = [f"t{n}" for n in range(len(tags))]
    offsets = [[3 * n, 3 * n + 2] for n in range(len(tags))]
    return Example(name, {"tokens": tokens, "tags": tags}, Origin("a", 1), {"offsets": offsets})


def limited(most: int, how: str, *examples: Example) -> tuple[list[Example], dict[str, Any]]:
    found, facts = LengthLimit(most, how, KINDS).apply(examples, Rejected(skip=True))
    return list(found), facts


@pytest.mark.parametrize(
    ("most", "sizes"),
    [(1, [1] * 7), (2, [1, 2, 2, 2]), (3, [1, 3, 3]), (4, [4, 3]), (6, [6, 1]), (7, [7])],
)
def test_parts_do_not_end_inside_an_entity_that_fits(most: int, sizes: list[int]) -> None:
    example = tagged("e", TAGS)
    found, facts = limited(most, "split", example)
    assert [len(one.fields["tokens"]) for one in found] == sizes
    for name in ("tokens", "tags"):
        assert [x for one in found for x in one.fields[name]] == example.fields[name]
    assert [x for one in found for x in one.meta["offsets"]] == example.meta["offsets"]
    assert len({one.id for one in found}) == len(found)
    assert facts["examples"] == (len(sizes) > 1)
    first, facts = limited(most, "truncate", example)
    assert first == found[:1]
    assert facts["tokens_left_out"] == 7 - sizes[0]


@pytest.mark.parametrize("scheme", ["IIE", "III", "IIL", "MME"])
def test_each_scheme_keeps_its_entities_whole(scheme: str) -> None:
    tags = ["O", "B-X", *(f"{letter}-X" for letter in scheme), "O"]
    found, _ = limited(4, "split", tagged("e", tags))
    assert [len(one.fields["tokens"]) for one in found] == [1, 4, 1]


def test_long_examples_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    examples = [tagged("a", TAGS), tagged("b", ["O"] * 9), tagged("c", ["O"] * 2)]
    with caplog.at_level(logging.INFO, "seqloom"):
        assert [one.id for one in limited(4, "skip", *examples)[0]] == ["c"]
        assert [one.id for one in limited(4, "truncate", *examples)[0]] == ["a", "b", "c"]
        found, facts = limited(4, "split", *examples)
    assert [one.id for one in found] == ["a", "a[4:]", "b", "b[4:]", "b[8:]", "c"]
    assert facts == {"max_length": 4, "on_long": "split", "examples": 2, "tokens_left_out": 0}
    start = "The train split: 2 examples have more than 4 tokens (batch.max_length): "
    ends = ("left out.", "truncated by 8 tokens in all.", "split, which makes 3 more.")
    assert caplog.messages == [start + end for end in ends]
    with caplog.at_level(logging.INFO, "seqloom"):
        limited(4, "skip", tagged("a", TAGS))
    assert "1 example has more than 4 tokens" in caplog.text


@pytest.mark.parametrize("how", ["split", "truncate"])
@pytest.mark.parametrize("count", [2, 4, 7])
def test_what_has_not_a_tag_for_each_token_stays_whole_to_be_refused(how: str, count: int) -> None:
    example = Example("x", {"tokens": ["a"] * 6, "tags": ["O"] * count})
    assert limited(4, how, example)[0] == [example]


def test_tags_that_are_a_text_are_left_to_the_head_to_refuse() -> None:
    example = Example("x", {"tokens": ["a"] * 6, "tags": "O O"})
    found, _ = limited(4, "split", example)
    assert {one.fields["tags"] for one in found} == {"O O"}


def test_what_has_no_tokens_or_cannot_be_split() -> None:
    with pytest.raises(ConfigError, match=r"batch\.max_length=4: x has no tokens that could be"):
        limited(4, "skip", Example("x", {"text": "a b"}))
    limit = LengthLimit(4, "split", {"text": "text", "label": "label"})
    with pytest.raises(ConfigError, match="the field 'label' belongs to a whole example"):
        limit.apply([], Rejected(skip=True))


def test_a_run_trains_on_parts_and_is_evaluated_on_the_whole(tmp_path: Path) -> None:
    long = "".join(f"w{n}\t{tag}\n" for n, tag in enumerate([*TAGS[:5], "B-Y", "O"]))
    for name in ("train", "val"):
        (tmp_path / f"{name}.conll").write_text(f"{long}\na\tO\n", encoding="utf-8")
    words = ["data=conll", "head=ner", "encoder=lstm", "encoder.hidden_size=4"]
    words += [f"data.{name}={tmp_path / name}.conll" for name in ("train", "val")]
    words += ["trainer.max_steps=1", "batch.max_length=4"]
    with pytest.raises(DataError, match=r"train\.conll:1.*7 tokens, more than batch\.max_length=4"):
        fit(*words, run_dir=tmp_path / "refused")
    fit(*words, "batch.on_long=split", run_dir=tmp_path / "run")
    record = json.loads((tmp_path / "run/run.json").read_text(encoding="utf-8"))
    assert {split: one["examples"] for split, one in record["splits"].items()} == {
        "train": 3,
        "val": 2,
        "test": 0,
    }
    assert record["long_examples"]["examples"] == 1


@pytest.mark.parametrize(
    "tags", [["O", "B_X", "I_X"], ["o", "b-x", "i-x"], ["O", "X-B", "X-I"], ["O", "B", "I"]]
)
def test_parts_do_not_end_inside_an_entity_of_another_spelling(tags: list[str]) -> None:
    found, _ = limited(2, "split", tagged("e", tags))
    assert [one.fields["tags"] for one in found] == [tags[:1], tags[1:]]
