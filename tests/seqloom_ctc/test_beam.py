"""Oracle: all paths of tiny lines, summed by the text that they give."""

from __future__ import annotations

import itertools
import math
import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqloom_ctc import scoring
from seqloom_ctc.beam import Hypothesis, prefix_beam
from seqloom_ctc.language import END, Lexicon, NGram
from seqloom_ctc.scoring import Remembering

Line = np.ndarray[Any, np.dtype[np.float64]]
ALPHABET = "ab "
EXACT = {"alphabet": ALPHABET, "width": 10_000, "min_probability": 0.0, "best": 10_000}
MODEL = NGram.fit(["ab ba", "aab", "b"], 3, ALPHABET)

lines = st.builds(
    lambda frames, spread, seed: random_line(frames, 4, seed, spread),
    st.integers(1, 5),
    st.sampled_from([0.5, 3.0, 30.0]),
    st.integers(0, 10_000),
)


def random_line(frames: int, classes: int, seed: int, spread: float = 1.0) -> Line:
    logits = spread * np.random.default_rng(seed).normal(0, 1, (frames, classes))
    return logits - np.asarray(np.logaddexp.reduce(logits, axis=1, keepdims=True))


def brute_force(line: Line) -> dict[tuple[int, ...], float]:
    """Labels → log of the summed probability of all their paths."""
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(line.shape[1]), repeat=len(line)):
        labels = tuple(label for label, _ in itertools.groupby(path) if label)
        path_score = float(line[range(len(line)), path].sum())
        found[labels] = float(np.logaddexp(found.get(labels, -np.inf), path_score))
    return found


def text_of(labels: tuple[int, ...] | list[int]) -> str:
    return "".join(ALPHABET[label - 1] for label in labels)


def language_score(labels: tuple[int, ...], weight: float, bonus: float) -> float:
    text = text_of(labels) + END
    logs = sum(MODEL.log_prob(text[:i], character) for i, character in enumerate(text))
    return weight * logs + bonus * len(labels)


def assert_same(found: list[Hypothesis], expected: dict[tuple[int, ...], float]) -> None:
    possible = {labels: score for labels, score in expected.items() if score > -np.inf}
    assert {tuple(one.labels): one.score for one in found} == pytest.approx(possible, abs=1e-9)
    scores = [one.score for one in found]
    assert scores == sorted(scores, reverse=True)


@settings(max_examples=40, deadline=None)
@given(line=lines)
def test_a_wide_beam_finds_all_texts_with_their_probabilities(line: Line) -> None:
    assert_same(prefix_beam(line, **EXACT), brute_force(line))


@settings(max_examples=40, deadline=None)
@given(line=lines, weight=st.sampled_from([0.0, 0.4, 2.0]), bonus=st.sampled_from([0, 1, -0.5]))
def test_a_wide_beam_adds_what_the_ngram_model_says(
    line: Line, weight: float, bonus: float
) -> None:
    expected = {
        labels: score + language_score(labels, weight, bonus)
        for labels, score in brute_force(line).items()
    }
    assert_same(prefix_beam(line, **EXACT, ngram=MODEL, weight=weight, bonus=bonus), expected)


@settings(max_examples=40, deadline=None)
@given(line=lines, unknown=st.sampled_from([-math.inf, -1.5]))
def test_a_wide_beam_counts_unknown_words(line: Line, unknown: float) -> None:
    words = {"ab", "aba", "b"}
    expected = {}
    for labels, score in brute_force(line).items():
        wrong = sum(word not in words for word in re.findall("[ab]+", text_of(labels)))
        expected[labels] = score + (wrong * unknown if wrong else 0.0)
    assert_same(prefix_beam(line, **EXACT, lexicon=Lexicon(words, "ab", unknown)), expected)


@settings(max_examples=40, deadline=None)
@given(line=lines, skip=st.sampled_from([0.0, 0.3, 0.6]))
def test_a_frame_that_is_skipped_is_a_blank(line: Line, skip: float) -> None:
    sure = line.copy()
    sure[np.exp(line[:, 0]) > skip, 1:] = -np.inf
    expected = {labels: score for labels, score in brute_force(sure).items() if score > -np.inf}
    found = prefix_beam(line, **EXACT, skip_blank=skip)
    assert_same(found, expected)


def test_a_letter_on_both_sides_of_a_skipped_frame_is_two() -> None:
    line = np.log([[0.1, 0.8, 0.05, 0.05], [0.97, 0.01, 0.01, 0.01], [0.1, 0.8, 0.05, 0.05]])
    assert prefix_beam(line, alphabet=ALPHABET, skip_blank=0.9)[0].labels == [1, 1]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), spread=st.sampled_from([1.0, 4.0]), width=st.integers(1, 20))
def test_no_score_is_above_the_probability_of_the_text(
    seed: int, spread: float, width: int
) -> None:
    line = random_line(25, 9, seed, spread)
    found = prefix_beam(line, alphabet="abcdefgh", width=width, best=width)
    assert 1 <= len(found) <= width
    for one in found:
        target = torch.tensor([one.labels], dtype=torch.long)
        loss = torch.nn.functional.ctc_loss(
            torch.from_numpy(line)[:, None], target, [len(line)], [len(one.labels)], reduction="sum"
        )
        assert one.score <= -float(loss) + 1e-9


def test_a_text_that_was_dropped_and_comes_again_is_the_same_text() -> None:
    for seed in range(60):  # some of these lines have such a text
        found = prefix_beam(random_line(25, 3, seed, 2.0), alphabet="ab", width=20, best=20)
        assert len({tuple(one.labels) for one in found}) == len(found) == 20


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_the_floating_type_changes_nothing(dtype: type[np.floating[Any]]) -> None:
    line = random_line(60, 4, 5, 2.0).astype(dtype)
    options: Any = {"alphabet": ALPHABET, "ngram": MODEL, "weight": 0.5, "bonus": 1, "best": 5}
    assert prefix_beam(line, **options) == prefix_beam(line.astype(np.float64), **options)


def test_improbable_classes_are_passed_over_but_for_the_best() -> None:
    line = np.log([[1 - 6e-6, 1e-6, 2e-6, 3e-6]])
    found = prefix_beam(line, alphabet=ALPHABET, best=9)
    assert [one.labels for one in found] == [[], [3], [2]]


def test_a_lexicon_finds_its_word_however_improbable() -> None:
    line = np.log([[1e-9, 1e-6, 1.0, 1e-5], [1e-9, 1e-9, 1e-9, 1.0]])
    assert prefix_beam(line, alphabet="abc")[0].labels == [2, 3]
    lexicon = Lexicon(["ac"], "abc")
    assert prefix_beam(line, alphabet="abc", lexicon=lexicon)[0].labels == [1, 3]


def test_probabilities_of_zero_leave_the_best_text() -> None:
    with np.errstate(divide="ignore"):
        line = np.log(np.eye(4)[[1, 1, 0, 1, 2]])
    found = prefix_beam(line, alphabet=ALPHABET, ngram=MODEL, weight=0.5)
    assert found[0].labels == [1, 1, 2]
    assert prefix_beam(line, alphabet=ALPHABET, lexicon=Lexicon([], "ab "))[0].labels == []


def test_a_narrow_beam_may_cut_the_last_word() -> None:
    line = np.log([[0.1, 0.8, 0.05, 0.05]])
    lexicon = Lexicon(["ab"], "ab")
    assert prefix_beam(line, alphabet=ALPHABET, lexicon=lexicon, width=1)[0].labels == [1]
    assert prefix_beam(line, alphabet=ALPHABET, lexicon=lexicon, width=2)[0].labels == []


def test_a_line_without_frames_has_no_text() -> None:
    assert prefix_beam(np.zeros((0, 4)), alphabet=ALPHABET) == [Hypothesis([], 0.0)]


def test_says_what_does_not_fit() -> None:
    line = random_line(3, 4, 0)
    with pytest.raises(ValueError, match=r"shape \(3, 4\); expected \(frames, 3\)"):
        prefix_beam(line, alphabet="ab")
    with pytest.raises(ValueError, match="has the alphabet 'ab ', not 'ba '"):
        prefix_beam(line, alphabet="ba ", ngram=MODEL, weight=1.0)
    line[1, 2] = np.nan
    with pytest.raises(ValueError, match="frame 1 are not a number"):
        prefix_beam(line, alphabet=ALPHABET)


class Doubling(Remembering):
    """Adds twice its state to each class."""

    start = 1

    def __init__(self) -> None:
        super().__init__(3)
        self.asked: list[int] = []

    def computed(self, state: int) -> Any:
        self.asked.append(state)
        return np.full(3, 2.0 * state)

    def next(self, state: int, label: int) -> int:
        return state + label

    def end(self, state: int) -> float:
        return 0.0


def test_a_scorer_remembers_as_many_rows_as_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "CACHED", 6)  # two rows of three classes
    scorer = Doubling()
    for state in (1, 2, 1, 2, 3, 1):
        row = np.ones(3)
        scorer.add(state, row)
        assert row.tolist() == [1 + 2 * state] * 3
    assert scorer.asked == [1, 2, 3, 1]
