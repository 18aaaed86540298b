"""Oracles: scipy's minimiser, torchmetrics' calibration error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from torchmetrics.functional.classification import binary_calibration_error

from seqloom_ctc.confidence import (
    COLDEST,
    HOTTEST,
    calibration_error,
    correct_characters,
    fit_calibration,
    fit_exponent,
    fit_temperature,
    reliability,
)

Array = np.ndarray[Any, Any]


def drawn(
    count: int, temperature: float, seed: int = 0, classes: int = 6
) -> tuple[Array, Array, Array]:
    """Logits, the class of each row, and whether it is right, at softmax(logits / temperature)."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 4, (count, classes))
    chosen = logits.argmax(1)
    chance = softmax(logits / temperature, axis=1)[np.arange(count), chosen]
    return logits, chosen, rng.random(count) < chance


def log_loss(logits: Array, chosen: Array, correct: Array, temperature: float) -> float:
    p = softmax(logits / temperature, axis=1)[np.arange(len(chosen)), chosen]
    return float(-np.where(correct, np.log(p), np.log1p(-p)).mean())


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_of_the_data_is_found_again(temperature: float) -> None:
    assert fit_temperature(*drawn(20_000, temperature)) == pytest.approx(temperature, rel=0.05)


@settings(max_examples=20, deadline=None)
@given(count=st.integers(30, 200), seed=st.integers(0, 1000))
def test_no_temperature_has_a_smaller_loss(count: int, seed: int) -> None:
    logits, chosen, correct = drawn(count, 4.0, seed)
    found = log_loss(logits, chosen, correct, fit_temperature(logits, chosen, correct))
    best = minimize_scalar(
        lambda t: log_loss(logits, chosen, correct, t), bounds=(0.3, HOTTEST), method="bounded"
    )
    assert found <= best.fun + 1e-6


@pytest.mark.parametrize("offset", [-1.5, 2.0])
def test_the_offset_of_the_data_is_found_again(offset: float) -> None:
    """Rows of two classes: the first is right with the odds of its score, moved by the offset."""
    rng = np.random.default_rng(3)
    scores = rng.normal(scale=3, size=20_000)
    logits = np.stack([scores, np.zeros_like(scores)], 1)
    right = rng.random(20_000) < 1 / (1 + np.exp(-(scores / 2 + offset)))
    found = fit_calibration(logits, np.zeros(20_000, int), right)
    assert found.temperature == pytest.approx(2.0, rel=0.08)
    assert found.offset == pytest.approx(offset, abs=0.1)


def test_without_mistakes_there_is_no_offset() -> None:
    logits = np.array([[2.0, 0.0], [3.0, 0.0]])
    assert fit_calibration(logits, np.array([0, 0]), np.array([True, True])).offset == 0.0
    assert fit_calibration(np.zeros((0, 2)), np.zeros(0, int), np.zeros(0, bool)) == (1.0, 0.0)


def test_nothing_to_learn_leaves_the_scores_as_they_are() -> None:
    assert fit_temperature(np.zeros((0, 5)), np.zeros(0, int), np.zeros(0, bool)) == 1.0


@pytest.mark.parametrize("right", [True, False])
def test_all_right_or_all_wrong_gives_a_bounded_temperature(right: bool) -> None:
    logits, chosen, _ = drawn(50, 1.0)
    found = fit_temperature(logits, chosen, np.full(50, right))
    assert found == pytest.approx(COLDEST if right else HOTTEST, rel=1e-3)


def test_impossible_classes_and_half_precision_do_no_harm() -> None:
    logits, chosen, correct = drawn(200, 2.0)
    expected = fit_temperature(logits.astype(np.float16).astype(float), chosen, correct)
    more = np.concatenate([logits, np.full((200, 1), -np.inf)], axis=1).astype(np.float16)
    assert fit_temperature(more, chosen, correct) == pytest.approx(expected)
    assert fit_temperature([[0.0, -np.inf]] * 2, [0, 0], [True, False]) > 0


@settings(max_examples=50, deadline=None)
@given(count=st.integers(1, 300), bins=st.integers(1, 20), seed=st.integers(0, 1000))
def test_the_error_is_that_of_torchmetrics(count: int, bins: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    confidence, correct = rng.random(count), rng.random(count) < 0.7
    expected = binary_calibration_error(
        torch.from_numpy(confidence), torch.from_numpy(correct).long(), n_bins=bins
    )
    assert calibration_error(confidence, correct, bins) == pytest.approx(float(expected), abs=1e-6)


def test_the_table_has_the_bins_that_hold_something() -> None:
    table = reliability(np.array([0.0, 0.1, 0.5, 0.9, 1.0]), np.array([0, 1, 1, 0, 1]), bins=2)
    assert [(row.low, row.high, row.size) for row in table] == [(0.0, 0.5, 3), (0.5, 1.0, 2)]
    assert [row.confidence for row in table] == pytest.approx([0.2, 0.95])
    assert [row.accuracy for row in table] == pytest.approx([2 / 3, 0.5])


def test_nothing_has_no_error() -> None:
    assert reliability(np.zeros(0), np.zeros(0, bool)) == []
    assert calibration_error(np.zeros(0), np.zeros(0, bool)) == 0


@pytest.mark.parametrize(
    ("read", "truth", "expected"),
    [
        ([1, 2, 3], [1, 2, 3], [True, True, True]),
        ([1, 2, 3], [1, 9, 3], [True, False, True]),
        ([1, 2, 3], [1, 3], [True, False, True]),
        ([1, 3], [1, 2, 3], [True, True]),
        ([], [1], []),
        ([4, 5], [], [False, False]),
    ],
)
def test_what_was_read_right(read: list[int], truth: list[int], expected: list[bool]) -> None:
    assert correct_characters(read, truth) == expected


def edits(read: list[int], truth: list[int], correct: list[bool] | None = None) -> float:
    """The fewest edits; with ``correct``, of the alignments that keep just these labels."""
    row = [float(j) for j in range(len(truth) + 1)]
    for i, label in enumerate(read):
        may_keep, may_drop = (True, True) if correct is None else (correct[i], not correct[i])
        drop = 1 if may_drop else np.inf
        above, row = row, [row[0] + drop]
        for j, other in enumerate(truth):
            change = 0 if may_keep and label == other else drop
            row.append(min(above[j + 1] + drop, row[j] + 1, above[j] + change))
    return row[-1]


@given(st.lists(st.integers(1, 3), max_size=8), st.lists(st.integers(1, 3), max_size=8))
def test_what_is_right_is_kept_by_some_alignment_of_fewest_edits(
    read: list[int], truth: list[int]
) -> None:
    assert edits(read, truth, correct_characters(read, truth)) == edits(read, truth)


@pytest.mark.parametrize("exponent", [0.3, 1.0, 4.0])
def test_the_exponent_that_texts_were_drawn_with_is_found(exponent: float) -> None:
    rng = np.random.default_rng(1)
    logs = -rng.exponential(1.0, 20_000)
    right = rng.random(20_000) < np.exp(exponent * logs)
    texts = list(zip(logs.tolist(), right.tolist(), strict=True))
    assert fit_exponent(texts) == pytest.approx(exponent, rel=0.05)


@pytest.mark.parametrize("texts", [[], [(-1.0, True)], [(-1.0, False), (0.0, False)]])
def test_texts_that_are_all_right_or_all_wrong_change_nothing(
    texts: list[tuple[float, bool]],
) -> None:
    assert fit_exponent(texts) == 1.0


def test_a_text_that_is_certain_and_wrong_has_a_finite_loss() -> None:
    assert fit_exponent([(0.0, False), (0.0, True), (-float("inf"), False)]) > 0
