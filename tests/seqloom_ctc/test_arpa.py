"""N-gram models in the ARPA format: what is read, what they say, and what is wrong with a file."""

from __future__ import annotations

import itertools
import math
import pickle
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqloom.errors import ConfigError, DataError
from seqloom_ctc.arpa import BEGIN, END, UNKNOWN, Arpa, read_arpa
from seqloom_ctc.beam import Prefix, beam, language_of
from seqloom_ctc.characters import CharacterModel
from seqloom_ctc.codec import CtcCodec
from seqloom_ctc.schema import ArpaUnit, Ctc, Unit

Fit = Callable[..., CtcCodec]

WORDS = r"""
This line and the next are a comment.
\1-grams:
\data\
ngram 1=5
ngram 2=3
ngram 3=1

\1-grams:
-99	<s>	-0.30103
-1.0	</s>
-2.0	<unk>
-0.5	ab	-0.2
-0.7	b	-0.4

\2-grams:
-0.25	<s> ab	-0.1
-0.125 ab b 0.0625
-0.0625	b </s>

\3-grams:
-0.03125	<s> ab b
\end\
what follows does not count
"""

CHARACTERS = r"""\data\
ngram 1=6
ngram 2=3
\1-grams:
-99 <s> -0.5
-1 </s>
-0.6 a -0.25
-0.7 b -0.125
-0.8 <space> -0.0625
-1.5 zz
\2-grams:
-0.1 <s> a
-0.2 a <space>
-0.3 <space> b
\end\
"""


def read(text: str, **keywords: Any) -> Arpa:
    return read_arpa(text.encode().splitlines(), "lm.arpa", **keywords)


def by_definition(arpa: Arpa, history: tuple[str, ...], word: str) -> float:
    """Katz's recursion, in log10; the history may be longer than the model's."""
    history = history[len(history) - min(len(history), arpa.order - 1) :]
    if (*history, word) in arpa.grams:
        return arpa.grams[(*history, word)][0]
    if not history:
        return -100.0
    return arpa.grams.get(history, (0.0, 0.0))[1] + by_definition(arpa, history[1:], word)


def of_text(arpa: Arpa, words: list[str]) -> tuple[float, int]:
    """Natural log of the probability of a text with its end, and the number of words."""
    sequence = [BEGIN, *(word if word in arpa else UNKNOWN for word in words), END]
    logs = (by_definition(arpa, tuple(sequence[:i]), sequence[i]) for i in range(1, len(sequence)))
    return math.log(10) * sum(logs), len(words)


def test_numbers_and_words_are_read() -> None:
    model = read(WORDS)
    assert model.order == 3
    assert len(model.grams) == 9
    assert model.grams["ab", "b"] == (-0.125, 0.0625)
    assert model.grams["<s>", "ab", "b"] == (-0.03125, 0.0)
    assert ("ab" in model, "x" in model, model.known("x")) == (True, False, UNKNOWN)


@pytest.mark.parametrize(
    ("history", "word", "expected"),
    [
        ((BEGIN,), "ab", -0.25),
        ((BEGIN, "ab"), "b", -0.03125),
        (("b", "ab"), "b", -0.125),  # the longest n-gram that there is
        ((BEGIN, "ab"), "ab", -0.1 - 0.2 - 0.5),  # both back-off weights, then the word alone
        (("b", "b"), "ab", -0.4 - 0.5),  # b b is unseen: its weight is 1
        (("ab", "b"), END, 0.0625 - 0.0625),
        ((UNKNOWN,), "b", -0.7),
        (("x", "ab", "b"), UNKNOWN, 0.0625 - 0.4 - 2.0),
    ],
)
def test_probabilities_back_off(history: tuple[str, ...], word: str, expected: float) -> None:
    model = read(WORDS)
    assert model.log_prob(history, word) == pytest.approx(expected * math.log(10))
    assert by_definition(model, history, word) == pytest.approx(expected)


def test_a_model_without_unknown_words_makes_them_hardly_possible() -> None:
    text = WORDS.replace("-2.0	<unk>\n", "").replace("ngram 1=5", "ngram 1=4")
    assert read(text).log_prob((BEGIN,), UNKNOWN) == pytest.approx(math.log(10) * (-0.30103 - 100))


def test_what_is_written_is_read_again() -> None:
    model = read(WORDS)
    again = read(model.to_bytes().decode())
    assert (again.order, again.grams) == (model.order, model.grams)
    less = model.only(lambda word: word != "b")
    assert sorted(less.grams) == [("</s>",), ("<s>",), ("<s>", "ab"), ("<unk>",), ("ab",)]
    assert read(less.to_bytes().decode()).grams == less.grams


def test_the_unknown_word_has_two_spellings_and_words_get_their_normal_form() -> None:
    text = WORDS.replace("<unk>", "<UNK>").replace("ab", "AB")
    assert read(text, form=str.lower).grams == read(WORDS).grams


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("\\data\\", "\\dat\\", r"lm.arpa: .* it has no \\data\\."),
        (
            "\\end\\\nwhat follows does not count\n",
            "",
            r"lm.arpa: .* \\end\\ is missing: the file is cut off.",
        ),
        ("ngram 2=3", "ngram 3=3", r"lm.arpa:6: expected 'ngram 2=NUMBER' or a section, not"),
        ("ngram 2=3", "ngrams 2", r"lm.arpa:6: expected 'ngram 2=NUMBER' or a section, not"),
        ("ngram 2=3", "ngram 2=4", r"lm.arpa:21: 3 2-grams were found before this line, 4 are"),
        ("\\2-grams:", "\\4-grams:", r"lm.arpa:16: expected \\2-grams:, not"),
        ("\\3-grams:", "\\end\\", r"lm.arpa:21: expected \\3-grams:, not"),
        ("ngram 3=1\n", "", r"lm.arpa:20: expected \\end\\, not .*3-grams"),
        (
            "-0.5	ab	-0.2",
            "-0.5	ab	-0.2	x",
            r"lm.arpa:13: 4 fields; expected the log10 of",
        ),
        ("-0.5	ab	-0.2", "ab", r"lm.arpa:13: 1 field; expected"),
        (
            "-0.5	ab	-0.2",
            "0.5	ab	-0.2",
            r"lm.arpa:13: the log10 of a probability is 0.5;",
        ),
        ("-0.5	ab	-0.2", "-0,5	ab	-0.2", r"lm.arpa:13: '-0,5': expected a number."),
        ("-0.5	ab	-0.2", "-0.5	ab	nan", r"lm.arpa:13: 'nan': expected a number."),
        ("-0.7	b", "-0.7	ab", r"lm.arpa:14: the 1-gram 'ab' occurs twice."),
        ("-1.0	</s>\n", "-1.0	x\n", r"lm.arpa:23: there is no </s> among the 1-grams"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(old: str, new: str, expected: str) -> None:
    assert old in WORDS
    head, _, rest = WORDS.partition("comment.")
    with pytest.raises(DataError, match=expected):
        read(head + "comment." + rest.replace(old, new, 1))


def nfkc(word: str) -> str:
    return unicodedata.normalize("NFKC", word)


def test_a_word_whose_normal_form_has_a_space_stays_as_it_is() -> None:
    """A no-break space, for example, becomes a space."""
    model = read(WORDS.replace("-0.7	b", "-0.7	b\u00a0b"), form=nfkc)
    assert "b\u00a0b" in model
    assert read(model.to_bytes().decode()) == model


def test_two_spellings_of_a_word_are_told_of() -> None:
    with pytest.raises(DataError, match=r":14: the 1-gram 'fi' occurs twice in the normal form"):
        read(
            WORDS.replace("	ab	", "	\ufb01	").replace("-0.7	b", "-0.7	fi"),
            form=nfkc,
        )


def test_a_word_in_another_encoding_is_told_of() -> None:
    lines = (
        WORDS.replace("-0.7	b", "-0.7	b\udce9").encode(errors="surrogateescape").splitlines()
    )
    with pytest.raises(DataError, match=r"lm\.arpa:14: .* is not UTF-8\."):
        read_arpa(lines, "lm.arpa")


def test_rows_of_characters_are_those_of_the_definition() -> None:
    model = CharacterModel(read(CHARACTERS), "b ax")
    names = {" ": "<space>", "a": "a", "b": "b", "x": UNKNOWN}
    for context in map("".join, itertools.product("b ax", repeat=2)):
        for text in (context, context[:1], ""):
            history = (BEGIN, *(names[c] for c in text))
            expected = [by_definition(model.arpa, history, w) for w in (*names_of("b ax"), END)]
            assert (model.log_probs(text) / math.log(10)).tolist() == pytest.approx(expected)
    assert pickle.loads(pickle.dumps(model)).log_probs("a").tolist() == (
        model.log_probs("a").tolist()
    )


def names_of(alphabet: str) -> list[str]:
    names = {" ": "<space>", "a": "a", "b": "b"}
    return [names.get(character, UNKNOWN) for character in alphabet]


def file(folder: Path, text: str) -> str:
    path = folder / "lm.arpa"
    path.write_text(text, encoding="utf-8")
    return str(path)


def random_line(frames: int, classes: int, seed: int) -> np.ndarray:
    logits = np.random.default_rng(seed).normal(0, 1.5, (frames, classes))
    return logits - np.asarray(np.logaddexp.reduce(logits, axis=1, keepdims=True))


def sums(line: np.ndarray) -> dict[tuple[int, ...], float]:
    """Labels → log of the summed probability of all their paths."""
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(line.shape[1]), repeat=len(line)):
        labels = tuple(label for label, _ in itertools.groupby(path) if label)
        score = float(line[range(len(line)), path].sum())
        found[labels] = float(np.logaddexp(found.get(labels, -np.inf), score))
    return found


WEIGHT, BONUS = 0.7, 0.3


@pytest.mark.parametrize("unit", [Unit.character, Unit.subword])
@pytest.mark.parametrize("arpa_unit", [ArpaUnit.word, ArpaUnit.character])
def test_a_wide_beam_adds_what_the_model_says_of_the_whole_text(
    fit: Fit, tmp_path: Path, unit: Unit, arpa_unit: ArpaUnit
) -> None:
    path = file(tmp_path, WORDS if arpa_unit == ArpaUnit.word else CHARACTERS)
    codec = fit(
        "ab b", "ab ab", unit=unit, vocabulary=4, arpa=path, arpa_unit=arpa_unit, ngram_order=0
    )
    options = Ctc(ngram_weight=WEIGHT, ngram_bonus=BONUS, arpa_unit=arpa_unit)
    classes = len(codec.alphabet) + 1
    assert classes <= 6
    line = random_line(4, classes, seed=len(unit))
    expected = {}
    for labels, score in sums(line).items():
        text = codec.decode(labels)
        if arpa_unit == ArpaUnit.word:
            log, count = of_text(read(WORDS), text.split())
        else:
            log, count = of_text(read(CHARACTERS), names_of(text))[0], len(labels)
        expected[labels] = score + WEIGHT * log + BONUS * count
    found = beam(
        line,
        language_of(codec, options),
        width=10_000,
        skip_blank=1.0,
        min_probability=0.0,
        best=10_000,
    )
    scores = {tuple(one.labels): one.score for one in found}
    assert scores == pytest.approx(expected, abs=1e-9)


def test_a_model_of_characters_scores_spaces_around_words_of_subwords_once(
    fit: Fit, tmp_path: Path
) -> None:
    codec = fit(
        "ab b", unit="subword", vocabulary=3, arpa=file(tmp_path, CHARACTERS), arpa_unit="character"
    )
    language = language_of(codec, Ctc(ngram_weight=1.0, ngram_bonus=0.0))
    space, b = codec.alphabet.index("▁") + 1, codec.alphabet.index("b") + 1

    def score(*labels: int) -> float:
        total, prefix = 0.0, Prefix(language)
        for label in labels:
            total += float(prefix.row[label])
            prefix = prefix.child(label)
        return total + prefix.end()

    assert score(space, b, space) == score(space, space, b) == score(b)
    assert score(b, space, space, b) == pytest.approx(of_text(read(CHARACTERS), names_of("b b"))[0])


def test_the_bundle_has_the_model_without_what_cannot_be_read(fit: Fit, tmp_path: Path) -> None:
    path = file(tmp_path, WORDS.replace("ngram 1=5", "ngram 1=6").replace("-2.0", "-2 xyz\n-2.0"))
    codec = fit("ab b", arpa=path)
    assert codec.ngram is None
    assert isinstance(codec.arpa, Arpa)
    assert codec.arpa.grams == read(WORDS).grams
    Path(path).unlink()
    assert pickle.loads(pickle.dumps(codec)).arpa.grams == read(WORDS).grams
    characters = fit("ab b", arpa=file(tmp_path, CHARACTERS), arpa_unit="character")
    assert isinstance(characters.arpa, CharacterModel)
    assert ("zz",) not in characters.arpa.arpa.grams


@pytest.mark.parametrize(
    ("params", "text", "expected"),
    [
        ({}, CHARACTERS, "has none of the 2 words of the training texts; .*arpa_unit=character"),
        (
            {"arpa_unit": "character"},
            WORDS.replace("b", "x"),
            "has no character of the training texts; .*head.arpa_unit=word",
        ),
        (
            {"arpa_unit": "character"},
            CHARACTERS.replace("<space>", "q"),
            r"has nothing for a space.* expected one of <space>, ▁, \|\.",
        ),
        ({}, "\x1f\x8b", "the file is compressed; unpack it first, with gunzip"),
        ({}, "hello", r"expected an n-gram model in the ARPA format, from \\data\\ to \\end\\"),
    ],
)
def test_a_file_that_does_not_fit_is_told_of(
    fit: Fit, tmp_path: Path, params: dict[str, Any], text: str, expected: str
) -> None:
    path = tmp_path / "lm.arpa"
    path.write_bytes(text.encode("latin-1" if text[0] == "\x1f" else "utf-8"))
    with pytest.raises(DataError, match=rf"^head\.arpa=.*lm\.arpa: .*{expected}"):
        fit("aab baa", arpa=str(path), **params)
    with pytest.raises(DataError, match=r"^head\.arpa: .*none\.arpa: no such file"):
        fit("ab", arpa=str(tmp_path / "none.arpa"))


def test_few_known_words_are_warned_of(
    fit: Fit, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fit("ab bb", "bbb", arpa=file(tmp_path, WORDS))
    assert re.search(r"the model has 1 of the 3 words of the training texts", caplog.text)


@pytest.mark.parametrize(
    ("trained", "wanted", "expected"),
    [
        ({"arpa": True}, {}, "head.arpa=null: the model was trained with an ARPA model"),
        ({}, {"arpa": True}, "head.arpa=.*: the model was trained without an ARPA model"),
        (
            {"arpa": True},
            {"arpa": True, "arpa_unit": "character"},
            "head.arpa_unit=character: the model was trained with n-grams of words",
        ),
    ],
)
def test_what_was_settled_in_training_is_refused_later(
    example: Any, tmp_path: Path, trained: Any, wanted: Any, expected: str
) -> None:
    path = file(tmp_path, WORDS)

    def params(given: dict[str, Any]) -> Ctc:
        return Ctc(**{"ngram_order": 0, **given, "arpa": path if "arpa" in given else None})

    state = CtcCodec(params(trained)).fit([example("ab")])
    with pytest.raises(ConfigError, match=f"^{expected}"):
        CtcCodec(params(wanted)).restore(state)
