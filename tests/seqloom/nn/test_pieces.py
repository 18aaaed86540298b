"""The pieces that a ragged batch is split into."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from seqloom.nn.pieces import (
    by_length,
    is_worth_splitting,
    join_steps,
    split_batch,
    split_steps,
)

LENGTHS = st.lists(st.integers(1, 200), min_size=1, max_size=40)


@given(LENGTHS)
def test_pieces_cover_every_real_step(lengths: list[int]) -> None:
    lengths.sort(reverse=True)
    pieces = split_batch(lengths)
    assert sum(piece.steps for piece in pieces) == lengths[0]
    start = 0
    for piece in pieces:
        assert piece.steps > 0
        assert piece.rows == sum(length > start for length in lengths)
        start += piece.steps


@given(LENGTHS)
def test_few_pieces_and_little_padding(lengths: list[int]) -> None:
    lengths.sort(reverse=True)
    pieces = split_batch(lengths)
    assert len(pieces) <= 6  # 40 rows can be halved five times
    computed = sum(piece.rows * piece.steps for piece in pieces)
    assert computed <= 2 * sum(lengths) + 8 * len(lengths)


@given(LENGTHS, st.integers(0, 5))
def test_split_and_join_are_inverse(lengths: list[int], more: int) -> None:
    lengths.sort(reverse=True)
    size = lengths[0] + more
    values = torch.randn(len(lengths), size, 2)
    values[torch.arange(size) >= torch.tensor(lengths)[:, None]] = 0.0
    parts = split_steps(values, split_batch(lengths))
    assert torch.equal(join_steps(parts, len(lengths), size), values)


def test_order_is_undone() -> None:
    order, inverse = by_length(torch.tensor([2, 5, 5, 9]), torch.device("cpu"))
    assert order.tolist() == [3, 1, 2, 0]
    assert order[inverse].tolist() == [0, 1, 2, 3]


def test_only_batches_with_much_padding_are_split() -> None:
    assert is_worth_splitting(torch.tensor([10, 2]), 10)
    assert not is_worth_splitting(torch.tensor([10, 9]), 10)
