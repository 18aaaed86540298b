"""A recurrent layer: how its weights start, and how it splits a ragged batch."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqloom_recurrent.encoders import BiLSTM
from seqloom_recurrent.layers import (
    GRULayer,
    LSTMLayer,
    RecurrentLayer,
    RNNLayer,
    by_length,
    is_worth_splitting,
    join_steps,
    split_batch,
    split_steps,
)

LENGTHS = st.lists(st.integers(1, 200), min_size=1, max_size=40)


@pytest.mark.parametrize("layer", [RNNLayer(3, 8), GRULayer(3, 8), LSTMLayer(3, 8)])
def test_each_gate_is_orthogonal(layer: RecurrentLayer) -> None:
    recurrent = layer.core.all_weights[0][1]
    for gate in recurrent.split(8):
        torch.testing.assert_close(gate @ gate.T, torch.eye(8), atol=1e-5, rtol=0)


@pytest.mark.parametrize("layer", [RNNLayer(3, 8), GRULayer(3, 8)])
def test_biases_are_zero(layer: RecurrentLayer) -> None:
    assert all(bias.eq(0).all() for bias in layer.core.all_weights[0][2:])


@pytest.mark.parametrize("forget_bias", [1.0, 0.0, -2.5])
def test_forget_bias_is_set_once(forget_bias: float) -> None:
    layer = LSTMLayer(3, 4, forget_bias)
    _, _, first, second = layer.core.all_weights[0]
    wanted = torch.tensor([0.0] * 4 + [forget_bias] * 4 + [0.0] * 8)
    assert torch.equal((first + second).detach(), wanted)


def test_the_parameter_reaches_the_layers() -> None:
    encoder = BiLSTM(3, 4, num_layers=2, forget_bias=3.0)
    biases = [bias for key, bias in encoder.named_parameters() if "bias_ih" in key]
    assert len(biases) == 4
    assert all(bias[4:8].eq(3.0).all() for bias in biases)


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
