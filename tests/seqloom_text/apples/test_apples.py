"""The promises of the data set: no leaks between splits, and no hint before the word Apple."""

import hashlib
import json
from collections import Counter
from itertools import combinations, pairwise

import pytest

from seqloom.errors import ConfigError
from seqloom.interfaces import SPLITS, Example
from seqloom_text.apples.grammar import CLUES, ENDINGS, MIDDLES, OPENINGS, WORDS
from seqloom_text.apples.reader import ApplesReader
from seqloom_text.schemas_data import APPLES_KINDS

READER = ApplesReader()
DATA = {split: list(READER.examples(split)) for split in SPLITS}


def before_apple(example: Example) -> str:
    tokens = example.fields["tokens"]
    return " ".join(tokens[: tokens.index("Apple")])


def apple_tag(example: Example) -> str:
    return str(example.fields["tags"][example.fields["tokens"].index("Apple")])


def test_sizes() -> None:
    assert {split: len(examples) for split, examples in DATA.items()} == {
        "train": 1200,
        "val": 200,
        "test": 400,
    }
    small = ApplesReader(train_size=20, val_size=2, test_size=4)
    assert len(list(small.examples("train"))) == 20


def test_many_word_types() -> None:
    for split, least in (("train", 400), ("test", 300)):
        assert len({w for e in DATA[split] for w in e.fields["tokens"]}) >= least


def test_splits_share_neither_sentences_nor_templates() -> None:
    for one, other in combinations(SPLITS, 2):
        for of in (lambda e: e.fields["text"].lower(), lambda e: e.meta["template"]):
            assert {of(e) for e in DATA[one]}.isdisjoint({of(e) for e in DATA[other]})


def test_sentences_and_ids_are_unique() -> None:
    examples = [e for split in SPLITS for e in DATA[split]]
    assert len({e.id for e in examples}) == len({e.fields["text"] for e in examples}) == 1800


@pytest.mark.parametrize("split", SPLITS)
def test_what_stands_before_apple_tells_nothing(split: str) -> None:
    prefixes = {
        kind: Counter(before_apple(e) for e in DATA[split] if e.fields["label"] == kind)
        for kind in ("company", "fruit")
    }
    assert prefixes["company"] == prefixes["fruit"]


@pytest.mark.parametrize("split", SPLITS)
def test_the_template_tells_nothing(split: str) -> None:
    templates = {
        kind: Counter(e.meta["template"] for e in DATA[split] if e.fields["label"] == kind)
        for kind in ("company", "fruit")
    }
    assert templates["company"] == templates["fruit"]
    assert len(templates["company"]) >= 30


def test_tags_are_legal_and_agree_with_the_label() -> None:
    for example in (e for split in SPLITS for e in DATA[split]):
        tokens, tags = example.fields["tokens"], example.fields["tags"]
        assert len(tokens) == len(tags)
        for left, right in pairwise(["O", *tags]):
            assert not right.startswith("I-") or left[1:] == right[1:]
        assert tokens.count("Apple") == 1
        assert (
            apple_tag(example) == {"company": "B-ORG", "fruit": "B-FRUIT"}[example.fields["label"]]
        )
        assert "".join(tokens) == example.fields["text"].replace(" ", "")
        assert set(example.fields) == set(APPLES_KINDS)


def test_mentions_of_apple_are_most_of_the_entities() -> None:
    entities = sum(tag.startswith("B-") for e in DATA["test"] for tag in e.fields["tags"])
    assert 1.3 < entities / len(DATA["test"]) < 2
    assert any(tag.startswith("I-") for e in DATA["test"] for tag in e.fields["tags"])


def test_the_words_of_the_clues_are_seen_in_training() -> None:
    known = {w for e in DATA["train"] for w in e.fields["tokens"]}
    tokens = [w for e in DATA["test"] for w in e.fields["tokens"]]
    assert sum(w not in known for w in tokens) / len(tokens) < 0.05


def test_the_two_sentences_of_the_book_can_be_made() -> None:
    assert "" in OPENINGS["train"]
    assert "is something that" in MIDDLES["train"]["gap"]
    assert "{rivals} simply cannot {copy}" in CLUES["company"]["gap"]
    assert {"competitors"} <= set(WORDS["rivals"])
    assert {"reproduce"} <= set(WORDS["copy"])
    assert "I like to {eat}" in CLUES["fruit"]["gap"]
    assert "eat" in WORDS["eat"]
    assert "." in ENDINGS


def digest(reader: ApplesReader) -> str:
    data = {s: [[e.id, e.fields, e.meta] for e in reader.examples(s)] for s in SPLITS}
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def test_the_data_are_a_function_of_the_seed() -> None:
    assert digest(READER) == digest(ApplesReader(seed=13)) == DIGEST
    assert digest(ApplesReader(seed=14)) != DIGEST


DIGEST = "af7995611c19c6df4aaf4a0ec29bfd7de9da327d849fa226b81396519c1b330b"


@pytest.mark.parametrize("size", [0, 7, -2])
def test_sizes_that_cannot_be(size: int) -> None:
    with pytest.raises(ConfigError, match=rf"data\.val_size={size}: expected an even number"):
        ApplesReader(val_size=size)


def test_more_than_the_grammar_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqloom_text.apples.reader.ATTEMPTS", 1)
    with pytest.raises(ConfigError, match=r"data\.val_size=100000: the grammar makes only about"):
        list(ApplesReader(val_size=100_000).examples("train"))


def test_other_splits_are_refused() -> None:
    with pytest.raises(ConfigError, match="No split 'dev'"):
        READER.examples("dev")
