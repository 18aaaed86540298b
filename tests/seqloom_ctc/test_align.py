"""Oracle: all paths of tiny lines, one by one."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqloom_ctc.paths import align


def random_line(frames: int, classes: int, seed: int) -> np.ndarray[Any, Any]:
    logits = np.random.default_rng(seed).normal(0, 3, (frames, classes))
    return logits - np.asarray(np.logaddexp.reduce(logits, axis=1, keepdims=True))


def collapse(path: tuple[int, ...]) -> list[int]:
    return [label for label, _ in itertools.groupby(path) if label]


def path_of(spans: list[tuple[int, int]], labels: list[int], frames: int) -> tuple[int, ...]:
    path = [0] * frames
    for label, (start, end) in zip(labels, spans, strict=True):
        path[start:end] = [label] * (end - start)
    return tuple(path)


@settings(max_examples=60, deadline=None)
@given(
    frames=st.integers(1, 6),
    labels=st.lists(st.integers(1, 2), max_size=4),
    seed=st.integers(0, 10_000),
)
def test_no_path_with_these_labels_is_more_probable(
    frames: int, labels: list[int], seed: int
) -> None:
    line = random_line(frames, 3, seed)
    paths = [
        path for path in itertools.product(range(3), repeat=frames) if collapse(path) == labels
    ]
    if not paths:
        with pytest.raises(ValueError, match="frames; there are"):
            align(line, labels)
        return
    best = max(paths, key=lambda path: line[range(frames), path].sum())
    assert path_of(align(line, labels), labels, frames) == best


def test_spans_part_at_the_blank_between_equal_labels() -> None:
    path = [0, 1, 1, 0, 1, 2, 2, 0]
    line = np.log(np.where(np.eye(3, dtype=bool)[path], 0.8, 0.1))
    assert align(line, [1, 1, 2]) == [(1, 3), (4, 5), (5, 7)]


def test_probabilities_of_zero_still_give_each_label_its_frames() -> None:
    line = np.full((5, 4), -np.inf)
    line[:, 3] = 0.0  # no path of these labels is possible
    spans = align(line, [1, 1, 2])
    assert collapse(path_of(spans, [1, 1, 2], 5)) == [1, 1, 2]


def test_no_labels_have_no_spans() -> None:
    assert align(random_line(4, 3, 0), []) == []
    assert align(random_line(4, 3, 0)[:0], []) == []


def test_says_how_many_frames_are_needed() -> None:
    with pytest.raises(
        ValueError, match="3 labels, 1 of them equal to the one before, need at least 4 frames"
    ):
        align(random_line(3, 3, 0), [2, 2, 1])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_any_floating_type_will_do(dtype: type[np.floating[Any]]) -> None:
    line = random_line(40, 6, 3).astype(dtype)
    labels = [1, 5, 5, 2, 3]
    assert align(line, labels) == align(line.astype(np.float64), labels)
