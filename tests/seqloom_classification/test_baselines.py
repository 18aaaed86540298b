"""The simple classifiers that a network is compared with."""

from __future__ import annotations

import pytest

from seqloom.interfaces import Example
from seqloom_classification import Classification, baselines
from seqloom_classification.codec import ClassificationCodec

TRAIN = [
    ("a good day", "good"), ("what a bad day", "bad"), ("good food", "good"),
    ("bad bad food", "bad"), ("so good", "good"),
]  # fmt: skip


def examples(pairs: list[tuple[str, str]]) -> list[Example]:
    return [Example(f"{i}", {"text": text, "label": name}) for i, (text, name) in enumerate(pairs)]


def codec(train: list[Example]) -> ClassificationCodec:
    made = ClassificationCodec(Classification())
    made.restore(made.fit(train))
    return made


def test_the_most_frequent_class_and_words() -> None:
    train = examples(TRAIN)
    asked = examples([("good", "good"), ("a bad one", "bad")])
    found = codec(train).baselines(train, asked)
    assert found == {
        baselines.MAJORITY: [{"label": "good"}, {"label": "good"}],
        baselines.TFIDF: [{"label": "good"}, {"label": "bad"}],
    }


def test_without_texts_or_scikit_learn_there_is_the_most_frequent_class(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train = examples(TRAIN)
    images = [Example(one.id, {"label": one.fields["label"]}) for one in train]
    assert list(codec(train).baselines(images, images)) == [baselines.MAJORITY]
    monkeypatch.setattr(baselines, "find_spec", lambda name: None)
    assert list(codec(train).baselines(train, train)) == [baselines.MAJORITY]


def test_texts_without_words_have_the_most_frequent_class() -> None:
    train = examples([("", "x"), (" ", "y")])
    found = codec(train).baselines(train, train)
    assert list(found) == [baselines.MAJORITY]


def test_tokens_are_a_text() -> None:
    assert baselines.text_of(Example("1", {"tokens": ["a", "b"]})) == "a b"
    assert baselines.text_of(Example("1", {"image": None})) is None


def test_sets_of_labels() -> None:
    assert baselines.majority([["b", "a"], ["a", "b"], ["a"]], multi_label=True) == {
        "labels": ["a", "b"]
    }
