"""Texts and references become arrays; what is wrong with one is a sentence."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from seqloom.errors import ConfigError, ExampleError
from seqloom.interfaces import Example, View
from seqloom_translation.codec import TranslationCodec, references
from seqloom_translation.frontend import SubwordsCodec
from seqloom_translation.units import EOS

TEXTS = ["le petit chien voit un chat", "un oiseau entend le chien"]


def _example(value: Any, **fields: Any) -> Example:
    return Example("x", {"text": "abc", "translation": value, **fields})


def _codec(**params: Any) -> TranslationCodec:
    codec = TranslationCodec(**{"unit": "word", **params})
    codec.restore(codec.fit([_example(text) for text in TEXTS]))
    return codec


def test_all_references_are_encoded_and_the_first_is_trained_on() -> None:
    codec = _codec()
    item = codec.encode(_example(["le chat voit", "l’été"]))
    assert item["units"].tolist() == [*codec.units.numbers("le chat voit"), EOS]
    assert references(item["references"].tobytes()) == ["le chat voit", "l’été"]
    assert codec.encode(_example("le chat voit"))["units"].tolist() == item["units"].tolist()
    assert codec.cost(item) == 4
    assert codec.mean_length == 6.5


def test_alternatives_have_columns_of_their_own() -> None:
    """A translation has as many cells, also where the search found fewer."""
    codec = _codec(alternatives=3, alignment=True)
    assert codec.column_names == ("translation", "alignment", "alternative_2", "alternative_3")
    texts = ["le chien", "un chien", "chien"]
    for count, others in ((3, texts[1:]), (2, ["un chien", ""]), (0, ["", ""])):
        found = {
            "translation": texts[0],
            "alternatives": [{"translation": one, "score": -1.0} for one in texts[:count]],
        }
        assert codec.columns(_example("x"), found) == [[texts[0], "", *others]]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "is None; expected a text or a list of texts"),
        ([], "has a text that is empty"),
        (["a", " \t"], "has a text that is empty"),
        (["a", 3], r"is \['a', 3\]; expected a text or a list of texts"),
        ("a\0b", "has a text with a zero byte"),
    ],
)
def test_a_wrong_field_is_a_sentence(value: Any, message: str) -> None:
    with pytest.raises(ExampleError, match=f"the field 'translation' {message}"):
        _codec().encode(_example(value))


def test_a_missing_field_is_a_sentence() -> None:
    with pytest.raises(ExampleError, match="the field 'translation' is missing"):
        _codec().encode(Example("x", {"text": "abc"}))


def test_a_prefix_is_given_if_the_example_has_one() -> None:
    codec = _codec()
    assert codec.given(Example("x", {}))["prefix"].tolist() == []
    found = codec.given(Example("x", {"prefix": "le chat"}))["prefix"]
    assert found.tolist() == codec.units.numbers("le chat")
    with pytest.raises(ExampleError, match=r"the field 'prefix' is 7; expected a text\."):
        codec.given(Example("x", {"prefix": 7}))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"vocabulary": 4}, r"head\.vocabulary=4: expected more than 4"),
        ({"sampling": 1.5}, r"head\.sampling=1\.5: expected a number in \[0, 1\]"),
        ({"beam": 0}, r"head\.beam=0: expected at least 1"),
        ({"max_ratio": -1}, r"head\.max_ratio=-1: expected a number from 0 to 1000"),
        ({"dropout": 2.0}, r"head\.dropout=2\.0: expected a number in \[0, 1\)"),
        ({"max_ratio": math.nan}, r"head\.max_ratio=nan: expected a number from 0 to 1000"),
        ({"max_ratio": math.inf}, r"head\.max_ratio=inf: expected a number from 0 to 1000"),
        ({"max_extra": 10**9}, r"head\.max_extra=1000000000: expected a number from 0 to 10"),
        (
            {"length_penalty": 1000.0},
            r"head\.length_penalty=1000\.0: expected a number from 0 to 10",
        ),
        ({"no_repeat": 1}, r"head\.no_repeat=1: no unit could occur twice"),
        ({"alternatives": 9}, r"head\.alternatives=9: expected a number from 1 to head\.beam=5"),
        ({"label_smoothing": 1.0}, r"head\.label_smoothing=1\.0: expected a number in \[0, 1\)"),
    ],
)
def test_a_wrong_parameter_is_a_sentence(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TranslationCodec(**params)


def test_the_attention_is_drawn_and_all_texts_are_escaped() -> None:
    codec = _codec(alignment=True)
    prediction = {
        "translation": "<b>un",
        "pieces": [{"text": "▁<b>un", "confidence": 0.5}],
        "attention": [[0.9, 0.1, 0.0]],
    }
    example = _example(["<i>deux", "trois"])
    steps = ["▁a<u>", "▁b", ""]
    described = codec.describe(example, prediction, steps=steps)
    assert described["alignment"] == [[0, 0]]
    assert codec.columns(example, described) == [["<b>un", "0-0"]]
    assert codec.column_names == ("translation", "alignment")
    html = codec.render(example, described, View("<div>input</div>", steps=steps))
    assert not any(tag in html for tag in ("<b>", "<i>", "<u>"))
    assert html.startswith("<div>input</div>")
    assert all(text in html for text in ("trois", "rgba(31, 119, 180, 0.90)", "▁a&lt;u&gt;"))
    plain = codec.render(example, prediction, View("<div>input</div>"))
    assert "rgba" not in plain


def test_texts_are_read_in_composed_form() -> None:
    codec, composed, apart = _codec(), "l’\u00e9t\u00e9", "l’e\u0301te\u0301"
    assert codec.texts(_example([apart])) == [composed]
    assert SubwordsCodec().read(Example("x", {"text": apart})) == composed
    prefixes = [codec.given(Example("x", {"prefix": one}))["prefix"] for one in (apart, composed)]
    assert prefixes[0].tolist() == prefixes[1].tolist()


def test_a_blank_input_stays_blank() -> None:
    prediction = {"translation": "un", "confidence": 0.5, "pieces": [{"text": "▁un"}]}
    for steps in ([""], ["▁", "<0x09>", "▁▁", "<0x0A>", ""]):
        found = _codec().describe(_example("un"), prediction, steps=steps)
        assert found == {"translation": "", "pieces": []}
    assert _codec().describe(_example("un"), prediction, steps=["▁a", ""]) == prediction
    assert _codec().describe(_example("un"), prediction) == prediction


def test_the_frontend_reads_texts_and_tokens() -> None:
    codec = SubwordsCodec(unit="word")
    codec.restore(codec.fit([Example("x", {"text": "a b"})]))
    for fields in ({"text": "a b"}, {"tokens": ["a", "b"]}):
        example = Example("x", fields)
        assert codec.encode(example)["pieces"].tolist()[-1] == EOS
        assert codec.steps(example) == ["▁a", "▁b", ""]
    assert codec.encode(Example("x", {"text": ""}))["pieces"].tolist() == [EOS]
    with pytest.raises(
        ExampleError, match="expected a text in the field 'text' or 'tokens'; it is"
    ):
        codec.encode(Example("x", {"label": "a"}))
    other = SubwordsCodec(unit="word", field="source")
    assert other.fields("a b") == {"source": "a b"}
    with pytest.raises(ExampleError, match="in the field 'source'; it is an int"):
        other.read(Example("x", {"source": 3}))


@pytest.mark.parametrize("unit", ["word", "subword"])
def test_inputs_and_targets_are_sampled_alike(unit: str) -> None:
    text = "the small dog sees a cat"
    examples = [Example("a", {"text": text, "translation": text})] * 4
    codec = SubwordsCodec(unit=unit, sampling=0.9)
    target = TranslationCodec(unit=unit, sampling=0.9)
    for one in (codec, target):
        one.restore(one.fit(examples))
    for one, name in ((codec, "pieces"), (target, "units")):
        item, rng = one.encode(examples[0]), np.random.default_rng(0)
        found = [one.augment(item, rng)[name] for _ in range(8)]
        assert {one.units.text(numbers.tolist()) for numbers in found} == {text}
        assert (len({tuple(numbers) for numbers in found}) > 1) == (unit == "subword")


def test_pieces_are_sampled_in_training_only_if_asked() -> None:
    item = {"pieces": np.array([4, EOS], np.int32)}
    assert SubwordsCodec().augment(item, np.random.default_rng(0)) is item


def test_the_units_of_a_trained_model_cannot_be_changed() -> None:
    codec = TranslationCodec(unit="word")
    state = codec.fit([Example("a", {"translation": "un chat"})])
    TranslationCodec(unit="word").restore(state)
    with pytest.raises(ConfigError, match=r"head.unit=character: the model was trained with head."):
        TranslationCodec(unit="character").restore(state)
