"""Subwords as classes. Oracles: sentencepiece, brute force over all paths."""

from __future__ import annotations

import builtins
import itertools
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sentencepiece
import torch

from seqloom.errors import ConfigError, DataError, ExampleError
from seqloom.interfaces import Encoded, Features, Targets, View
from seqloom_ctc.beam import beam, language_of, search
from seqloom_ctc.codec import CtcCodec, UnseenError
from seqloom_ctc.confidence import correct_units
from seqloom_ctc.head import CtcHead
from seqloom_ctc.schema import Ctc
from seqloom_ctc.units import Subwords, _processor

Fit = Callable[..., CtcCodec]
TEXTS = ["the cat sat", "the hat", "that cat", "a cat that sat"]


@pytest.fixture(scope="module")
def codec(fit: Fit) -> CtcCodec:
    return fit(*TEXTS, unit="subword", vocabulary=14, ngram_order=3, lexicon="train")


def test_classes_are_the_pieces_of_sentencepiece(codec: CtcCodec, example: Any) -> None:
    assert isinstance(codec.units, Subwords)
    processor = sentencepiece.SentencePieceProcessor(model_proto=codec.units.state()["subwords"])
    assert codec.alphabet == [processor.id_to_piece(i) for i in range(1, 15)]
    assert any(len(piece) > 2 for piece in codec.alphabet)
    for text in [*TEXTS, "tec hah"]:
        target = codec.encode(example(text))["target"]
        assert target.tolist() == processor.encode(text)
        assert target.dtype == np.int64
        assert codec.decode(target.tolist()) == text


def test_a_text_has_one_space_between_words_and_none_around(codec: CtcCodec) -> None:
    space, a = codec.alphabet.index("▁") + 1, codec.alphabet.index("a") + 1
    assert codec.decode([space, space, a, space, space, a, space]) == "a a"
    assert codec.decode([a]) == codec.decode([space, a]) == "a"


def test_the_vocabulary_is_as_large_as_the_texts_allow(fit: Fit) -> None:
    assert len(fit(*TEXTS, unit="subword", vocabulary=10_000).alphabet) < 60
    with pytest.raises(ConfigError, match=r"^head\.vocabulary=3: expected at least 7, the number"):
        fit(*TEXTS, unit="subword", vocabulary=3)
    assert fit(*TEXTS, unit="subword", vocabulary=7).alphabet
    with pytest.raises(ConfigError, match=r"^head\.unit=subword: no subwords can be made of the"):
        fit("▅", unit="subword")
    with pytest.raises(ConfigError, match=r"^head\.vocabulary=0: expected 1 or more"):
        fit("ab", vocabulary=0)


def test_unseen_characters_are_one_class_each_after_the_subwords(
    fit: Fit, codec: CtcCodec, example: Any
) -> None:
    copy = pickle.loads(pickle.dumps(codec))
    with pytest.raises(UnseenError, match="'ĵ'"):
        copy.encode(example("caĵt"))
    target = copy.encode_truth(example("ĵcat é"))["target"].tolist()
    assert copy.decode(target) == "ĵcat é"
    assert [label for label in target if label > 14] == [16, 15]
    assert fit("ab", unit="subword", extra_characters="xé").encode(example("xbé"))["target"].size
    reserved = fit("a▅b", "ab", unit="subword")  # sentencepiece skips texts with this character
    assert reserved.decode(reserved.encode(example("b▅"))["target"].tolist()) == "b▅"


def test_the_mark_of_spaces_is_refused_in_texts(codec: CtcCodec, fit: Fit, example: Any) -> None:
    with pytest.raises(ExampleError, match=r"has the character ▁ \(U\+2581\).*head.unit=character"):
        codec.encode(example("a▁b"))
    assert fit("a▁b").alphabet == ["a", "b", "▁"]


def test_too_few_frames_are_counted_in_subwords(codec: CtcCodec, example: Any) -> None:
    line = example("the the")
    item = codec.encode(line)
    codec.check(line, item, 7)
    with pytest.raises(ExampleError, match=r"its text of \d subwords is too long .*each subword"):
        codec.check(line, item, 1)


def test_another_training_keeps_the_subwords_and_adds_characters(fit: Fit, example: Any) -> None:
    trained = fit(*TEXTS, unit="subword", vocabulary=12)
    state = trained.fit([example(text) for text in TEXTS])
    codec = CtcCodec(Ctc(unit="subword"))  # type: ignore[arg-type]
    codec.restore(codec.merge(state, [example("the dog")]))
    assert codec.alphabet == [*state["alphabet"], "d", "g", "o"]
    assert codec.decode(codec.encode(example("dog the"))["target"].tolist()) == "dog the"
    for unit, other in (("character", state), ("subword", fit("ab").fit([example("ab")]))):
        with pytest.raises(ConfigError, match=rf"^head\.unit={unit}: the model was trained with "):
            CtcCodec(Ctc(unit=unit)).merge(other, [example("the")])  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match=rf"^head\.unit={unit}: the model was trained with "):
            CtcCodec(Ctc(unit=unit)).restore(other)  # type: ignore[arg-type]


def test_a_damaged_model_is_told() -> None:
    with pytest.raises(DataError, match=r"^The model of subwords is damaged: "):
        _processor(b"no model")


def test_what_is_missing_is_told(fit: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def fails(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name == "sentencepiece":
            raise ImportError(name)
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", fails)
    with pytest.raises(ConfigError, match=r"needs sentencepiece: pip install .*\[subwords\]"):
        fit("ab", unit="subword")


def test_the_beam_adds_ngrams_of_subwords_and_words_of_the_lexicon(fit: Fit) -> None:
    codec = fit("ab a", "b ab", unit="subword", vocabulary=4, ngram_order=2, lexicon="train")
    options = Ctc(ngram_weight=0.6, ngram_bonus=0.2)
    classes = len(codec.alphabet) + 1
    assert codec.ngram is not None
    assert classes == 5
    logits = np.random.default_rng(4).normal(0, 2, (4, classes))
    line = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    sums: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(classes), repeat=len(line)):
        labels = tuple(label for label, _ in itertools.groupby(path) if label)
        score = float(line[range(len(line)), path].sum())
        sums[labels] = float(np.logaddexp(sums.get(labels, -np.inf), score))
    expected = {}
    for labels, score in sums.items():
        if not set(codec.decode(labels).split()) <= {"a", "b", "ab"}:
            continue
        symbols = [codec.units.symbols[label - 1] for label in labels]
        logs = [codec.ngram.log_prob("".join(symbols[:i]), one) for i, one in enumerate(symbols)]
        end = float(codec.ngram.log_probs("".join(symbols))[-1])
        expected[labels] = score + 0.6 * (sum(logs) + end) + 0.2 * len(labels)
    found = beam(
        line,
        language_of(codec, options),
        width=9999,
        skip_blank=1.0,
        min_probability=0.0,
        best=9999,
    )
    assert {tuple(one.labels): one.score for one in found} == pytest.approx(expected, abs=1e-9)
    best = search(line, codec, Ctc(ngram_weight=0.6, ngram_bonus=0.2, beam_width=500)).labels
    assert tuple(best) == max(expected, key=lambda labels: expected[labels])


@pytest.mark.parametrize("decoder", ["greedy", "beam"])
def test_a_prediction_does_not_depend_on_its_batch(
    codec: CtcCodec, make: Any, encoded: Any, decoder: str
) -> None:
    head: CtcHead = make(
        codec, decoder=decoder, unit="subword", lexicon="train", ngram_order=3, skip_blank=1.0
    )
    states = encoded([9, 3, 14])
    together = head.decode(head(states), states)
    for row, length in enumerate([9, 3, 14]):
        alone = encoded([9, 3, 14])
        alone.states, alone.lengths = alone.states[row : row + 1, :length], alone.lengths[row:][:1]
        (one,) = head.decode(head(alone), alone)
        assert one["text"] == together[row]["text"]
        assert one["confidence"] == pytest.approx(together[row]["confidence"], rel=1e-4)
        assert [p["text"] for p in one["pieces"]] == [p["text"] for p in together[row]["pieces"]]


def test_a_prediction_has_its_pieces_with_their_places(
    codec: CtcCodec, make: Any, peaked: Any, example: Any
) -> None:
    labels = codec.encode(example("the cat"))["target"].tolist()
    path = [part for label in labels for part in (label, label, 0)]
    head: CtcHead = make(codec, unit="subword", lexicon="train", ngram_order=3)
    outputs = head(_states(len(path)))
    outputs.logits = peaked([path], len(codec.alphabet) + 1)
    (one,) = head.decode(outputs, _states(len(path)))
    assert one["text"] == "the cat"
    assert [piece["text"] for piece in one["pieces"]] == codec.spelled(labels)
    assert one["pieces"][0]["start"] == 0
    assert one["pieces"][1]["start"] == pytest.approx(3 / len(path), abs=1e-5)
    assert all(0 < piece["confidence"] <= 1 for piece in one["pieces"])
    shown = codec.render(example("the cat"), one, View("", 300, []))
    assert "▁cat" in shown or "▁c" in shown
    metric = head.metrics()
    target = torch.tensor([labels])
    metric.update([one], _targets(target))
    assert metric.compute()["cer"] == 0
    assert float(metric.compute()["calibration_error"]) < 0.01


def _states(frames: int) -> Encoded:
    values, lengths = torch.zeros(1, frames, 8), torch.tensor([frames])
    return Encoded(values, values[:, 0], lengths, Features(values, lengths))


def _targets(target: torch.Tensor) -> Targets:
    return Targets({"target": target}, {"target": torch.tensor([target.shape[1]])})


def test_a_piece_is_right_if_its_characters_are() -> None:
    assert correct_units(["▁th", "e"], ["▁the"]) == [True, True]
    assert correct_units(["▁tha", "e"], ["▁the"]) == [False, True]
    assert correct_units([], ["▁the"]) == []
