"""Texts as classes. Oracles: unicodedata, torch's ctc_loss."""

from __future__ import annotations

import itertools
import os
import pickle
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqloom.errors import ConfigError, DataError, ExampleError
from seqloom.interfaces import Example, Origin
from seqloom_ctc import sources
from seqloom_ctc.codec import CtcCodec, UnseenError
from seqloom_ctc.schema import Ctc

Fit = Callable[..., CtcCodec]
FORMS: tuple[Any, ...] = ("NFC", "NFD", "NFKC", "NFKD")
FIVE_FORMS = "e\u0301é\ufb01\ufb2a\ufefb"  # é twice, ligature fi, shin with dot, lam-alef


@pytest.mark.parametrize("form", FORMS)
def test_training_and_targets_and_scoring_have_one_normal_form(
    fit: Fit, example: Any, form: Any
) -> None:
    codec = fit(FIVE_FORMS, form=form)
    expected = unicodedata.normalize(form, FIVE_FORMS)
    assert codec.alphabet == sorted(set(expected))
    for spelling in FORMS[:2] if form in FORMS[:2] else FORMS:
        text = unicodedata.normalize(spelling, FIVE_FORMS)  # no compatible form can be undone
        target = codec.encode(example(text))["target"]
        assert target.dtype == np.int64
        assert codec.decode(target.tolist()) == codec.normal(text) == expected


def test_presentation_forms_go_only_with_compatible_forms(fit: Fit) -> None:
    assert "\ufb01" in fit("\ufb01", form="NFC").alphabet
    assert fit("\ufb01", form="NFKC").alphabet == ["f", "i"]
    assert fit("\ufb2a", form="NFC").alphabet == ["\u05c1", "\u05e9"]  # never composed again


@given(st.text(), st.sampled_from(FORMS))
def test_a_normal_text_stays_as_it_is(text: str, form: Any) -> None:
    codec = CtcCodec(Ctc(form=form))
    once = codec.normal(text)
    assert codec.normal(once) == once
    assert once == once.strip()
    assert not re.search(r"\s\s|[^\S ]", once)


def test_white_space_of_all_kinds_is_one_space(fit: Fit, example: Any) -> None:
    codec = fit("a b")
    text = "\ta\u00a0 \u2009\u3000b\r\n"
    assert codec.text(example(text)) == "a b"
    assert codec.encode(example(text))["target"].tolist() == [2, 1, 3]


def test_the_alphabet_is_sorted_by_code_point_whatever_the_order(fit: Fit) -> None:
    assert fit("bÄa", "Zz").alphabet == fit("Zz", "aÄb").alphabet == ["Z", "a", "b", "z", "Ä"]


def test_extra_characters_join_the_alphabet_in_normal_form(fit: Fit, example: Any) -> None:
    codec = fit("b", extra_characters="ae\u0301")
    assert codec.alphabet == ["a", "b", "é"]
    assert codec.encode(example("é"))["target"].tolist() == [3]


@pytest.mark.parametrize("space", ["\n", "\t", "\u00a0", " ", "\v"])
def test_an_extra_space_of_any_kind_is_a_space(fit: Fit, space: str) -> None:
    assert fit("ab", extra_characters=f"x{space}").alphabet == [" ", "a", "b", "x"]


def test_unknown_characters_are_named(fit: Fit, example: Any) -> None:
    expected = (
        "lines.tsv:7: its text has characters that no training text has: '\\x01' (U+0001), "
        "'ĵ' (LATIN SMALL LETTER J WITH CIRCUMFLEX)."
    )
    with pytest.raises(ExampleError, match=f"^{re.escape(expected)}$"):
        fit("abc").encode(example("aĵc\x01", 7))


def test_unknown_characters_of_all_lines_are_counted_in_one_line(fit: Fit, example: Any) -> None:
    codec, errors = fit("abc"), []
    for number, text in enumerate(("aé%", "éb", "%ĵé"), 3):
        with pytest.raises(UnseenError) as found:
            codec.encode(example(text, number))
        errors.append(found.value)
    assert UnseenError.summary(errors) == (
        "characters that no training text has: 'é' (LATIN SMALL LETTER E WITH ACUTE) 3 times, '%' "
        "(PERCENT SIGN) 2 times, 'ĵ' (LATIN SMALL LETTER J WITH CIRCUMFLEX) 1 time; the first at "
        "lines.tsv:3."
    )
    assert "init_classes=merge" in UnseenError.remedy(errors)


def test_unknown_characters_of_evaluated_texts_follow_the_alphabet(fit: Fit, example: Any) -> None:
    codec = fit("abc")
    assert codec.encode_truth(example("aĵb%ĵ"))["target"].tolist() == [1, 5, 2, 4, 5]
    assert codec.encode_truth(example("é%"))["target"].tolist() == [6, 4]
    assert codec.decode([1, 5, 6]) == "aĵé"
    assert codec.alphabet == ["a", "b", "c"]


def test_what_was_settled_in_training_is_refused_later(fit: Fit) -> None:
    codec = fit("abc")
    state = codec.fit([Example("1", {"text": "abc"})])
    for params, complaint in (
        ({"form": "NFD"}, r"head\.form=NFD: the model was trained with NFC"),
        ({"extra_characters": "cx"}, r"does not have 'x'\. Start another .* init_classes=merge"),
    ):
        with pytest.raises(ConfigError, match=complaint):
            CtcCodec(Ctc(**params)).restore(state)


@pytest.mark.parametrize("text", ["", " \t\u3000\n"])
def test_an_empty_text_is_refused(fit: Fit, example: Any, text: str) -> None:
    expected = "lines.tsv:1: its text is empty. Add the text, or remove the example."
    with pytest.raises(ExampleError, match=f"^{re.escape(expected)}$"):
        fit(text)
    with pytest.raises(ExampleError, match=re.escape(expected)):
        fit("a").encode(example(text))


def test_a_missing_field_or_another_value_is_refused(fit: Fit) -> None:
    codec = fit("a", field="text")
    bare = Example("1", {"image": 0, "label": "a"}, Origin("a.tsv", 2))
    expected = (
        "a.tsv:2: the field 'text' is missing, but head=ctc learns from it; the example's fields "
        "are: image, label. Add it, or choose one with head.field=NAME."
    )
    with pytest.raises(ExampleError, match=f"^{re.escape(expected)}$"):
        codec.encode(bare)
    with pytest.raises(ExampleError, match=r"^example 1: the field 'text' is 3, not a text, but"):
        codec.encode(Example("1", {"text": 3}))
    with pytest.raises(ExampleError, match=r"'text' is missing, .* fields are: none\."):
        codec.encode(Example("1", {}))


@given(st.integers(1, 12), st.text("ab", min_size=1, max_size=8))
def test_refused_is_exactly_what_torch_gives_an_infinite_loss(frames: int, text: str) -> None:
    codec = CtcCodec(Ctc(ngram_order=0))
    line = Example("1", {"text": text})
    codec.restore({"alphabet": ["a", "b"], "ngram": None, "words": None})
    item = codec.encode(line)
    loss = torch.nn.functional.ctc_loss(
        torch.zeros(frames, 1, 3).log_softmax(-1),
        torch.from_numpy(item["target"])[None],
        torch.tensor([frames]),
        torch.tensor([len(text)]),
        reduction="sum",
    )
    repeats = sum(a == b for a, b in itertools.pairwise(text))
    assert bool(torch.isfinite(loss)) == (len(text) + repeats <= frames)
    if torch.isfinite(loss):
        codec.check(line, item, frames)
    else:
        with pytest.raises(ExampleError, match=f"CTC needs {len(text) + repeats}: "):
            codec.check(line, item, frames)


def test_a_text_that_just_fits_passes_and_one_frame_less_is_refused(fit: Fit, example: Any) -> None:
    codec, line = fit("aabba"), example("aabba", 4)
    item = codec.encode(line)
    codec.check(line, item, 7)
    expected = (
        "lines.tsv:4: its text of 5 characters is too long for the line, which has 6 frames; CTC "
        "needs 7: one for each character, and one for each of the 2 that repeat the one before. "
        "Check that the text belongs to this line and that the line is whole. Otherwise pool the "
        "width less (frontend.pooling), or scale the line larger."
    )
    with pytest.raises(ExampleError, match=f"^{re.escape(expected)}$"):
        codec.check(line, item, 6)


def test_unite_goes_on_from_the_known_alphabet_and_learns_the_new_language(
    fit: Fit, example: Any
) -> None:
    codec = CtcCodec(Ctc(lexicon="train", extra_characters="a"))
    state = codec.merge({"alphabet": ["z", "b"]}, [example("cab b")])
    codec.restore(state)
    assert codec.alphabet == ["z", "b", " ", "a", "c"]
    assert codec.ngram is not None
    assert codec.ngram.alphabet == "zb ac"
    assert state["words"] == b"b\ncab"
    replaced = codec.fit([example("cab b")])
    assert replaced["alphabet"] == [" ", "a", "b", "c"]


def test_without_an_order_there_is_no_ngram_model(fit: Fit) -> None:
    assert fit("ab", ngram_order=0).ngram is None
    assert fit("ab", ngram_order=2).ngram is not None


@pytest.mark.parametrize(
    ("trained", "wanted", "expected"),
    [
        (
            {"ngram_order": 2},
            {"ngram_order": 0},
            "head.ngram_order=0: the model was trained with 2, which cannot be changed. "
            "head.ngram_weight=0 reads without the n-gram model.",
        ),
        (
            {"ngram_order": 0},
            {"ngram_order": 0, "lexicon": "words.txt"},
            "head.lexicon=words.txt: the model was trained without a lexicon, which cannot be "
            "changed. head.decoder=greedy reads without one.",
        ),
        (
            {"ngram_order": 0, "lexicon": "train"},
            {"ngram_order": 0},
            "head.lexicon=null: the model was trained with a lexicon, which cannot be changed. "
            "head.decoder=greedy reads without one.",
        ),
    ],
)
def test_what_is_learned_in_training_is_not_asked_for_later(
    example: Any, trained: dict[str, Any], wanted: dict[str, Any], expected: str
) -> None:
    state = CtcCodec(Ctc(**trained)).fit([example("ab")])
    with pytest.raises(ConfigError, match=f"^{re.escape(expected)}$"):
        CtcCodec(Ctc(**wanted)).restore(state)


def test_the_state_and_pickling_keep_everything(fit: Fit, example: Any) -> None:
    codec = fit("der Bär", "ça va", lexicon="train", ngram_order=3)
    other = pickle.loads(pickle.dumps(codec))
    assert other.alphabet == codec.alphabet
    assert other.ngram.to_bytes() == codec.ngram.to_bytes()  # type: ignore[union-attr]
    assert other.lexicon.word_characters == codec.lexicon.word_characters  # type: ignore[union-attr]
    line = example("Bär ça")
    assert other.encode(line)["target"].tolist() == codec.encode(line)["target"].tolist()


def write(folder: Path, content: bytes, name: str = "more.txt") -> str:
    path = folder / name
    path.write_bytes(content)
    return str(path)


def test_a_corpus_adds_to_the_ngrams_but_not_to_the_alphabet(fit: Fit, tmp_path: Path) -> None:
    path = write(tmp_path, "bab\n\n  ab\u00e9 \r\n".encode())
    codec, bare = fit("ab", corpus=path, ngram_order=2), fit("ab", ngram_order=2)
    assert codec.alphabet == ["a", "b"]
    assert codec.ngram is not None
    assert bare.ngram is not None
    assert codec.ngram.log_prob("b", "a") > bare.ngram.log_prob("b", "a")


@pytest.mark.parametrize("script", ["l'été, «fini»!", "हिन्दी में", "שָׁלוֹם"])
@pytest.mark.parametrize("form", FORMS)
def test_words_of_the_training_texts_are_whole(fit: Fit, form: Any, script: str) -> None:
    codec = fit(script, lexicon="train", form=form)
    words = [re.sub(r"[,«»!]", "", word) for word in codec.normal(script).split()]
    assert codec.lexicon is not None
    for word in words:
        state = 0
        for character in word:
            state = codec.lexicon.next(state, character)
        assert codec.lexicon.end_cost(state) == 0
        assert state > 0


def test_a_lexicon_is_read_word_by_word(fit: Fit, tmp_path: Path) -> None:
    path = write(tmp_path, b"New York\nab\n\nab\n")
    codec = fit("ab", lexicon=path)
    assert sources.words(codec.options, [], codec.normal) == ["New", "York", "ab"]
    assert codec.lexicon is not None
    assert " " not in codec.lexicon.word_characters


def test_a_file_of_another_system_is_read(fit: Fit, tmp_path: Path) -> None:
    path = write(tmp_path, "\ufeffab\r\nba\r\n".encode())
    codec = fit("ab", lexicon=path)
    assert sources.words(codec.options, [], codec.normal) == ["ab", "ba"]


def test_a_file_that_cannot_be_read_is_told_of(
    fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> str:
        raise OSError(5, "Input/output error")

    path = write(tmp_path, b"ab")
    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(DataError, match=r"^head\.corpus: .*: cannot be read: Input/output error"):
        fit("ab", corpus=path)


def test_a_lexicon_may_be_what_another_program_prints(fit: Fit) -> None:
    here, there = os.pipe()
    os.write(there, b"ba\nab\n")
    os.close(there)
    try:
        codec = fit("ab", lexicon=f"/dev/fd/{here}")
    finally:
        os.close(here)
    assert codec.lexicon is not None


@pytest.mark.parametrize("key", ["corpus", "lexicon"])
def test_a_bad_file_is_told_of(fit: Fit, tmp_path: Path, key: str) -> None:
    with pytest.raises(DataError, match=rf"^head\.{key}: .*none\.txt: no such file in"):
        fit("ab", **{key: str(tmp_path / "none.txt")})
    with pytest.raises(DataError, match="this is a folder; expected a file"):
        fit("ab", **{key: str(tmp_path)})
    path = write(tmp_path, b"ab\nno\xe9l")
    with pytest.raises(DataError, match=rf"^head\.{key}: .*more\.txt:2: not UTF-8: byte 0xe9"):
        fit("ab", **{key: path})
    path = write(tmp_path, b" \n\n")
    with pytest.raises(
        DataError, match=rf"^head\.{key}=.*more\.txt: (no words were found|the file has no text)\.$"
    ):
        fit("ab", **{key: path})


def test_texts_without_a_word_give_no_lexicon(fit: Fit) -> None:
    with pytest.raises(DataError, match=r"^head\.lexicon=train: no words were found\.$"):
        fit("!?", lexicon="train")


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"ngram_order": 13}, "head.ngram_order=13: expected 0 (none) to 12."),
        ({"ngram_order": -1}, "head.ngram_order=-1: expected 0 (none) to 12."),
        ({"beam_width": 0}, "head.beam_width=0: expected 1 or more."),
        ({"dropout": 1.0}, "head.dropout=1.0: expected a number in [0, 1)."),
        ({"skip_blank": 1.5}, "head.skip_blank=1.5: expected a number in [0, 1]."),
        ({"shortcut": -0.1}, "head.shortcut=-0.1: expected 0 or more."),
    ],
)
def test_parameters_out_of_range_are_refused(params: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(expected)}$"):
        CtcCodec(Ctc(**params))
