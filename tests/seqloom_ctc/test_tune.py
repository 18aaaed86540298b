"""The search for a weight and a bonus. Oracle: jiwer on what the beam reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jiwer
import numpy as np
import pytest

from seqloom_ctc.beam import search
from seqloom_ctc.codec import CtcCodec
from seqloom_ctc.schema import Ctc
from seqloom_ctc.tune import BONUSES, WEIGHTS, Line, Point, error_rate, tuned

TRUTHS = ["abba ab", "ab abba", "baba abba", "abba baba"]
OPTIONS = Ctc(ngram_order=4, skip_blank=1.0)


@pytest.fixture(scope="module")
def codec(fit: Callable[..., CtcCodec]) -> CtcCodec:
    return fit(*TRUTHS * 5, ngram_order=4)


def noisy(text: str, codec: CtcCodec, seed: int, noise: float) -> Line:
    """Scores of a line whose frames are a character, then a blank, each more or less sure."""
    labels = [codec.alphabet.index(character) + 1 for character in text]
    logits = noise * np.random.default_rng(seed).normal(size=(2 * len(labels), 4))
    logits[np.arange(0, len(logits), 2), labels] += 2.0
    logits[1::2, 0] += 4.0
    return Line(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True), labels)


@pytest.fixture(scope="module")
def lines(codec: CtcCodec) -> list[Line]:
    return [noisy(text, codec, seed, 1.2) for seed, text in enumerate(TRUTHS * 3)]


def test_the_error_rate_is_that_of_jiwer(codec: CtcCodec, lines: list[Line]) -> None:
    read = [codec.decode(search(line.log_probs, codec, OPTIONS).labels) for line in lines]
    truth = [codec.decode(line.truth) for line in lines]
    characters: Any = jiwer.Compose([jiwer.ReduceToListOfListOfChars()])
    expected = jiwer.cer(
        truth, read, reference_transform=characters, hypothesis_transform=characters
    )
    assert error_rate(lines, codec, OPTIONS) == pytest.approx(expected)
    assert expected > 0
    assert error_rate([], codec, OPTIONS) == 0


def test_the_best_point_of_all_that_were_tried(codec: CtcCodec, lines: list[Line]) -> None:
    tried: list[Point] = []
    best = tuned(lines, codec, OPTIONS, tried.append)
    assert best in tried
    assert best.cer == min(point.cer for point in tried)
    assert len({(point.weight, point.bonus) for point in tried}) == len(tried)
    assert {point.weight for point in tried} >= set(WEIGHTS)
    assert {point.bonus for point in tried} >= set(BONUSES)
    assert min(min(point.weight, point.bonus) for point in tried) >= 0
    again = Ctc(ngram_order=4, skip_blank=1.0, ngram_weight=best.weight, ngram_bonus=best.bonus)
    assert error_rate(lines, codec, again) == best.cer
    without = next(point for point in tried if point.weight == 0)
    assert best.cer < without.cer / 2  # these words tell what the frames do not


def test_of_equal_points_the_least_weight_is_taken(codec: CtcCodec) -> None:
    clear = [noisy(text, codec, seed, 0.01) for seed, text in enumerate(TRUTHS)]
    best = tuned(clear, codec, OPTIONS, lambda _: None)
    assert (best.weight, best.bonus, best.cer) == (0.0, 0.0, 0.0)
