"""Oracles: one frame after another, and published best paths of real matrices."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqloom_ctc.paths import best_path


@settings(max_examples=50, deadline=None)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=4), seed=st.integers(0, 10_000))
def test_the_best_path_is_that_of_each_row_alone(lengths: list[int], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(len(lengths), max(lengths), 3, generator=generator)
    expected = []
    for row, length in enumerate(lengths):
        path = [frame.index(max(frame)) for frame in logits[row, :length].tolist()]
        expected.append([label for label, _ in itertools.groupby(path) if label])
        logits[row, length:] = torch.nan
    assert best_path(logits, torch.tensor(lengths)) == expected


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("iam_line", "the fak friend of the fomly hae tC"),
        ("iam_word", "aircrapt"),
    ],
)
def test_the_best_path_of_a_real_matrix_is_the_published_one(
    name: str, expected: str, real_logits: Callable[[str], Any], real_text: Callable[[str], str]
) -> None:
    logits = torch.from_numpy(real_logits(f"{name}/rnn_output.csv"))[None]
    alphabet = real_text("iam_line/chars.txt")
    (labels,) = best_path(logits, torch.tensor([logits.shape[1]]))
    assert "".join(alphabet[label - 1] for label in labels) == expected
