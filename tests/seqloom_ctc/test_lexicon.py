from __future__ import annotations

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqloom_ctc.beam import Language, Prefix
from seqloom_ctc.language import ROOT, Lexicon


def score(lexicon: Lexicon, text: str) -> float:
    """What a whole line adds, character by character, as the beam goes."""
    total, prefix = 0.0, Prefix(Language("ab .", None, 0.0, 0.0, lexicon))
    for character in text:
        label = "ab .".index(character) + 1
        total += float(prefix.row[label])
        prefix = prefix.child(label)
    return total + prefix.end()


@settings(max_examples=100, deadline=None)
@given(
    words=st.sets(st.text("ab", min_size=1, max_size=4), max_size=5),
    text=st.text("ab .", max_size=12),
)
def test_each_unknown_word_costs_once(words: set[str], text: str) -> None:
    unknown = sum(word not in words for word in re.findall("[ab]+", text))
    assert score(Lexicon(words, "ab", unknown=-2.5), text) == -2.5 * unknown
    assert score(Lexicon(words, "ab"), text) == (-math.inf if unknown else 0)


def test_upper_and_lower_case_differ() -> None:
    assert list(Lexicon(["Ab"], "aAb").following(ROOT)) == ["A"]


def test_words_may_have_characters_that_the_alphabet_lacks() -> None:
    assert score(Lexicon(["ö", "b"], "abö"), "b") == 0


@pytest.mark.parametrize("word", ["", "a b", "a\n"])
def test_refuses_what_is_no_word(word: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"has {word!r}, which is not made of word")):
        Lexicon(["a", word], "ab")
