"""Texts become numbers and come back as they were."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.errors import ConfigError, DataError
from seqloom_translation.schemas import SubwordModel, Unit
from seqloom_translation.units import (
    EOS,
    FIRST,
    UNK,
    Listed,
    Subwords,
    Units,
    fit_units,
    restored_units,
)

TEXTS = ["the small dog sees a cat", "a bird hears the dog", "cats see the small birds"] * 4


@pytest.fixture(scope="module", params=list(SubwordModel), ids=str)
def subwords(request: pytest.FixtureRequest) -> Subwords:
    return Subwords.fit(TEXTS, request.param, 300)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="▁\0"), max_size=20))
def test_any_text_comes_back_from_subwords(text: str) -> None:
    units = _cached()
    numbers = units.numbers(text)
    assert UNK not in numbers
    assert all(FIRST <= one < units.size for one in numbers)
    # Only spaces are not kept as they are: at the ends, and several in a row.
    assert units.text(numbers).split() == text.split()


CACHE: list[Subwords] = []


def _cached() -> Subwords:
    if not CACHE:
        CACHE.append(Subwords.fit(TEXTS, SubwordModel.bpe, 300))
    return CACHE[0]


def test_fewer_subwords_are_made_where_the_texts_have_no_more(subwords: Subwords) -> None:
    assert 260 < subwords.size < 330
    for model in SubwordModel:
        assert fit_units(TEXTS, Unit.subword, model, 100_000).size < 400


@pytest.mark.parametrize("model", SubwordModel)
def test_a_number_that_is_too_small_is_a_sentence(model: SubwordModel) -> None:
    """It names the key, and the least that works."""
    with pytest.raises(ConfigError) as caught:
        fit_units(TEXTS, Unit.subword, model, 20, "head")
    found = re.match(r"head\.vocabulary=20: expected at least (\d+) subwords", str(caught.value))
    assert found
    least = int(found[1])
    assert fit_units(TEXTS, Unit.subword, model, least).size == least
    with pytest.raises(ConfigError, match=f"^frontend.vocabulary={least - 1}: .*at least {least}"):
        fit_units(TEXTS, Unit.subword, model, least - 1)
    with pytest.raises(DataError, match="for the head: all training texts are blank"):
        fit_units([" ", ""], Unit.subword, model, 300, "head")


def test_a_state_gives_the_same_units(subwords: Subwords) -> None:
    listed = [Listed.fit(TEXTS, unit, 50) for unit in (Unit.word, Unit.character)]
    for units in (subwords, *listed):
        again = restored_units(units.state())
        assert again.size == units.size
        assert again.numbers(TEXTS[0]) == units.numbers(TEXTS[0])
    with pytest.raises(DataError, match="damaged"):
        restored_units({"unit": "subword", "model": b"nonsense"})


def test_training_is_the_same_every_time(subwords: Subwords) -> None:
    model = SubwordModel.bpe
    assert Subwords.fit(TEXTS, model, 300).model == Subwords.fit(iter(TEXTS), model, 300).model


@pytest.mark.parametrize("unit", [Unit.word, Unit.character])
def test_listed_units_are_the_most_frequent(unit: Unit) -> None:
    units: Units = fit_units(TEXTS, unit, SubwordModel.bpe, FIRST + 3)
    assert units.size == FIRST + 3
    text = "the dog sees me"
    numbers = units.numbers(text)
    assert len(numbers) == (4 if unit is Unit.word else len(text))
    assert UNK in numbers
    assert units.text(units.numbers("the the")) == "the the" or unit is Unit.character


def test_names_tell_where_words_begin(subwords: Subwords) -> None:
    names = "".join(map(subwords.name, [*subwords.numbers("the dog"), EOS]))
    assert names == "▁the▁dog"
    words = Listed.fit(TEXTS, Unit.word, 50)
    assert list(map(words.name, [*words.numbers("the dog"), EOS, UNK])) == ["▁the", "▁dog", "", ""]


def test_sampling_keeps_the_text_and_depends_on_its_generator_alone(subwords: Subwords) -> None:
    numbers = np.array([*subwords.numbers(TEXTS[0]), EOS], np.int32)
    found = [subwords.sampled(numbers, 0.5, np.random.default_rng(seed)) for seed in range(8)]
    assert {subwords.text(one.tolist()) for one in found} == {TEXTS[0]}
    assert all(one[-1] == EOS and one.dtype == np.int32 for one in found)
    assert len({tuple(one) for one in found}) > 1
    again = subwords.sampled(numbers, 0.5, np.random.default_rng(3))
    assert again.tolist() == found[3].tolist()
    assert subwords.sampled(numbers, 0.0, np.random.default_rng(3)) is numbers
