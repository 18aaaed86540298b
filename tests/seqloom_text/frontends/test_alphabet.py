from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom_text.frontends import alphabet as module
from seqloom_text.frontends.alphabet import MAX_CHARACTERS, Alphabet
from seqloom_text.frontends.fields import FIRST, PAD, UNK


@given(st.text(), st.text())
def test_ids_agree_with_a_dictionary(known: str, text: str) -> None:
    numbers = {character: n for n, character in enumerate(sorted(set(known)), start=FIRST)}
    alphabet = Alphabet(known)
    assert alphabet.ids(text).tolist() == [numbers.get(character, UNK) for character in text]
    assert alphabet.size == len(numbers) + FIRST


@given(st.lists(st.text(max_size=MAX_CHARACTERS), max_size=5))
def test_words_are_spelled_one_by_one(words: list[str]) -> None:
    alphabet = Alphabet("".join(words))
    spelled = alphabet.spell(words)
    assert spelled.shape == (len(words), max(1, *map(len, words), 0))
    for row, word in zip(spelled, words, strict=True):
        expected = alphabet.ids(word).tolist() or [UNK]
        assert row.tolist() == expected + [PAD] * (len(row) - len(expected))


def test_long_words_keep_both_ends() -> None:
    alphabet = Alphabet("abc")
    half = MAX_CHARACTERS // 2
    whole = alphabet.spell(["a" * half + "b" * half])
    assert alphabet.spell(["a" * half + "c" * 100_000 + "b" * half]).tolist() == whole.tolist()
    assert whole.shape == (1, MAX_CHARACTERS)


@pytest.mark.parametrize(("count", "dtype"), [(100, np.int16), (40_000, np.int32)])
def test_the_smallest_type_that_holds_all(count: int, dtype: type) -> None:
    alphabet = Alphabet("".join(map(chr, range(0x10000, 0x10000 + count))))
    assert alphabet.ids(chr(0x10000 + count - 1)).tolist() == [count + FIRST - 1]
    assert alphabet.ids("").dtype == alphabet.spell(["a"]).dtype == dtype


def test_lone_surrogates_are_characters_too() -> None:
    assert Alphabet("\ud800").ids("\ud800\udc00a").tolist() == [FIRST, UNK, UNK]


def test_where_case_matters_each_character_stays_itself() -> None:
    alphabet = Alphabet("aAB")
    assert alphabet.folded(False).tolist() == [*range(alphabet.size)]


def test_words_that_were_forgotten_are_spelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SPELLED", 2)
    alphabet = Alphabet("abc")
    words = ["a", "ab", "cab", "a", "bb"]
    assert alphabet.spell(words).tolist() == Alphabet("abc").spell(words).tolist()
    assert len(alphabet._spelled) <= 2
