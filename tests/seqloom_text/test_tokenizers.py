from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.errors import ConfigError
from seqloom_text.schemas_frontend import Tokenizer
from seqloom_text.tokenizers import TOKENIZERS, get_tokenizer, rules, whitespace

# Denser in what the rules are about than any text that hypothesis would find by itself.
AWKWARD = st.text(
    st.sampled_from(
        list("aZnt59'’.,:-!?@/w_ \t\n\u00a0\u2028\u0301\u200d\u200bé日カ👍🏽🇫🇷न\u094d\x00\x1c")
    )
)


def tokens(text: str) -> list[str]:
    return [text[start:end] for start, end in rules(text)]


@pytest.mark.parametrize("name", sorted(TOKENIZERS))
@given(text=st.one_of(st.text(), AWKWARD))
def test_every_character_but_white_space_is_in_exactly_one_token(name: str, text: str) -> None:
    end_before = 0
    for start, end in get_tokenizer(name)(text):
        assert end_before <= start < end
        assert not text[end_before:start].strip()
        assert not any(character.isspace() for character in text[start:end])
        end_before = end
    assert not text[end_before:].strip()


@given(st.one_of(st.text(), AWKWARD))
def test_whitespace_agrees_with_split(text: str) -> None:
    assert [text[start:end] for start, end in whitespace(text)] == text.split()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \t\n", []),
        ("Paris, France.", "Paris , France ."),
        ("L-dopa and/or 5-HT", "L - dopa and / or 5 - HT"),
        ("3.5 1,000,000 10:30 5mg 3.5mg IL2", "3.5 1,000,000 10:30 5mg 3.5mg IL2"),
        ("in 1999, 2,", "in 1999 , 2 ,"),
        ("don't CAN'T it’s we'll I'm", "do n't CA N'T it ’s we 'll I 'm"),
        ("O'Neil's l'eau rock'n'roll", "O'Neil 's l'eau rock'n'roll"),
        ("John 's", "John 's"),
        ("'quoted'", "' quoted '"),
        ("the U.S. and e.g. Dr. No.", "the U.S. and e.g. Dr . No ."),
        ("J.K.Rowling", "J . K . Rowling"),
        ("see https://a.org/b?c=1,2).", "see https://a.org/b?c=1,2 ) ."),
        ("(www.who.int/)", "( www.who.int/ )"),
        ("mail a.b+c@x-y.org!", "mail a.b+c@x-y.org !"),
        ("@user #tag a@b", "@ user # tag a @ b"),
        ("wait... what?!! -- no", "wait ... what ? !! -- no"),
        ("$5 5% [x] {y}", "$ 5 5 % [ x ] { y }"),
        ("naïve cafe\u0301", "naïve cafe\u0301"),
        ("हिन्दी में", "हिन्दी में"),
        ("東京です", "東 京 で す"),
        ("한국어 문장", "한국어 문장"),
        ("Ich heiße Jürgen.", "Ich heiße Jürgen ."),
        ("ok👍🏽👨‍👩‍👧🇫🇷🇩🇪!", "ok 👍🏽 👨‍👩‍👧 🇫🇷 🇩🇪 !"),
        ("a\x00b", "a \x00 b"),
    ],
)
def test_rules(text: str, expected: str | list[str]) -> None:
    assert tokens(text) == (expected.split(" ") if isinstance(expected, str) else expected)


@pytest.mark.parametrize(
    "part",
    ["a", "a.", "a@", "a@b.", "1.", "a'", "!?", "www.", "http://!", "\u200d", "👍\u200d", "-+a"],
)
def test_the_time_is_linear_in_any_text(part: str) -> None:
    rules(part)
    began = time.process_time()
    offsets = rules(part * 100_000)
    # A quadratic pattern takes minutes here.
    assert time.process_time() - began < 10
    assert offsets[0][0] == 0
    assert offsets[-1][1] == len(part) * 100_000


def test_every_option_has_a_tokenizer() -> None:
    assert set(Tokenizer) == set(TOKENIZERS)


def test_unknown_tokenizer() -> None:
    expected = "Unknown tokenizer 'rulez'. Did you mean 'rules'? There are: rules, whitespace."
    with pytest.raises(ConfigError, match=re.escape(expected)):
        get_tokenizer("rulez")
