"""Oracle: the formula of Witten and Bell, with counts by search through the texts."""

from __future__ import annotations

import math
import pickle
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqloom_ctc.beam import Prefix
from seqloom_ctc.language import END, ROOT, START, UNKNOWN, Lexicon, NGram
from seqloom_ctc.scoring import Language, Spelling

texts_of_abc = st.lists(st.text("abc", max_size=8), max_size=5)


def occurrences(gram: str, texts: list[str], order: int) -> int:
    lines = [START * (order - 1) + text + END for text in texts]
    return sum(line.startswith(gram, i) for line in lines for i in range(len(line)))


def probability(texts: list[str], order: int, context: str, character: str) -> Fraction:
    """Witten & Bell's recursion; the context has all of its START."""
    alphabet = "abc" + END
    if context:
        lower = probability(texts, order, context[1:], character)
    else:
        lower = Fraction(1, len(alphabet))
    counts = {c: occurrences(context + c, texts, order) for c in alphabet}
    n, t = sum(counts.values()), sum(count > 0 for count in counts.values())
    return (counts[character] + t * lower) / (n + t) if n else lower


@settings(max_examples=40, deadline=None)
@given(texts=texts_of_abc, order=st.integers(1, 4), context=st.text("abc", max_size=5))
def test_probabilities_are_those_of_the_recursion(
    texts: list[str], order: int, context: str
) -> None:
    model = NGram.fit(texts, order, "abc")
    padded = (START * order + context)[len(context) + 1 :]
    expected = [float(probability(texts, order, padded, c)) for c in "abc" + END]
    np.testing.assert_allclose(np.exp(model.log_probs(context)), expected, rtol=1e-9)


@settings(max_examples=50, deadline=None)
@given(
    texts=st.lists(st.text("abcd é", max_size=10), max_size=6),
    order=st.integers(1, 6),
    context=st.text("abcdxyz é", max_size=8),
)
def test_probabilities_sum_to_one(texts: list[str], order: int, context: str) -> None:
    model = NGram.fit(texts, order, "abcé ")  # the texts have a d besides
    assert np.exp(model.log_probs(context)).sum() == pytest.approx(1, abs=1e-9)


def test_one_line_worked_by_hand() -> None:
    model = NGram.fit(["aa"], 1, "ab")  # of 3 events, 2 distinct: a twice, the end once
    found = [math.exp(model.log_prob("", c)) for c in ("a", "b", END)]
    assert found == pytest.approx([8 / 15, 2 / 15, 5 / 15])
    assert model.perplexity("b") == pytest.approx((2 / 15 * 5 / 15) ** -0.5)


def test_only_the_last_characters_of_a_context_count() -> None:
    model = NGram.fit(["abcabc", "cab"], 3, "abc")
    assert model.log_probs("abcab").tolist() == model.log_probs("ab").tolist()
    assert model.log_probs("ab").tolist() != model.log_probs("b").tolist()  # b starts the line


def test_no_text_leaves_all_equally_probable() -> None:
    model = NGram.fit([], 3, "abc")
    assert np.exp(model.log_probs("a")).tolist() == pytest.approx([0.25] * 4)
    assert model.perplexity("cab") == pytest.approx(4)


def test_the_alphabet_may_lack_characters_of_the_texts() -> None:
    model = NGram.fit(["axb"], 2, "ab")
    assert UNKNOWN + "b" in model.grams
    assert not any(gram.endswith(UNKNOWN) for gram in model.grams)
    assert model.perplexity("axb") == pytest.approx(model.perplexity("a\u1234b"))


def test_a_text_like_the_training_texts_is_less_perplexing() -> None:
    model = NGram.fit(["the cat sat on the mat"] * 3, 4, "abcdefghijklmnopqrstuvwxyz ")
    assert model.perplexity("the mat") < 3
    assert model.perplexity("zqxjvwy") > 15


@settings(max_examples=50, deadline=None)
@given(
    texts=st.lists(st.text(max_size=12), max_size=6),
    order=st.integers(1, 5),
    alphabet=st.text(
        st.characters(exclude_characters=(START, END, UNKNOWN, "\n"), exclude_categories=["Cs"])
    ).map(lambda text: "".join(dict.fromkeys(text))),
)
def test_bytes_give_the_model_back(texts: list[str], order: int, alphabet: str) -> None:
    model = NGram.fit(texts, order, list(alphabet))
    data = model.to_bytes()
    again = NGram.from_bytes(data)
    assert (again.order, again.alphabet, again.grams) == (order, alphabet, model.grams)
    assert data == again.to_bytes() == NGram.fit(texts[::-1], order, alphabet).to_bytes()


def test_a_copy_in_another_process_says_the_same() -> None:
    model = NGram.fit(["abcab"], 3, "abc")
    expected = model.log_probs("ab").tolist()
    assert pickle.loads(pickle.dumps(model)).log_probs("ab").tolist() == expected


def test_rows_cannot_be_changed_by_accident() -> None:
    with pytest.raises(ValueError, match="read-only"):
        NGram.fit(["ab"], 2, "ab").log_probs("a")[0] = 0.0


def test_forgotten_rows_are_worked_out_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqloom_ctc.language.CACHED", 2)
    small, model = NGram.fit(["abcabc"], 4, "abc"), NGram.fit(["abcabc"], 4, "abc")
    for context in ("abc", "cab", "bca", "abc", "a", ""):
        expected = np.exp(model.log_probs(context)).tolist()
        assert np.exp(small.log_probs(context)).tolist() == pytest.approx(expected)
        assert len(small._rows) <= 2 + 4


@pytest.mark.parametrize(
    ("order", "alphabet", "message"),
    [
        (0, "ab", "from 1 to 1000, not 0"),
        (2, "aa", "single characters, none twice"),
        (2, ["ab"], "single characters, none twice"),
        (2, "a\n", r"cannot have '\\n' in its alphabet"),
        (2, "a" + END, r"cannot have '\\x0c' in its alphabet"),
    ],
)
def test_refuses_what_is_no_order_or_alphabet(order: int, alphabet: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NGram.fit(["a"], order, alphabet)


def test_says_which_character_the_alphabet_lacks() -> None:
    with pytest.raises(ValueError, match="does not have 'z'"):
        NGram.fit(["a"], 2, "a").log_prob("a", "z")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff", "is not UTF-8"),
        (b"", "cut off"),
        (b"2\nab\n1\tab", "cut off"),
        (b"two\nab\n1\tab\n", "Line 1: the order .* is 'two'; expected"),
        (b"0\nab\n", "Line 1: the order .* is '0'; expected"),
        (b"2\nab\n1\tab\n1\tabc\n", "Line 4 .* 'abc' where a new gram of 2 characters"),
        (b"2\nab\n1\tab\n1\tab\n", "Line 4 .* 'ab' where a new gram"),
        (b"2\nab\n1\tax\n", "Line 3 .* 'ax'"),
        (b"2\nab\n1\tb\r\n", r"Line 3 .* 'b\\r'"),
        (b"2\nab\n1\txb\n", "Line 3 .* 'xb'"),
        (b"2\nab\nab\n", "Line 3 .* ''"),
        (b"2\nab\n-1\tab\n", "Line 3: a count .* is '-1'; expected"),
        (b"2\naa\n1\taa\n", "none twice"),
    ],
)
def test_says_what_is_wrong_with_stored_bytes(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NGram.from_bytes(data)


def score(lexicon: Lexicon, text: str) -> float:
    """What a whole line adds, character by character, as the beam goes."""
    total, prefix = 0.0, Prefix(Language(5, 0.0, [Spelling(lexicon, "ab .")]))
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
