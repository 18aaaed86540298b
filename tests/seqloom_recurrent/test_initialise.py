from __future__ import annotations

from typing import Any

import pytest
import torch

from seqloom_recurrent.layers import GRULayer, LSTMLayer, RecurrentLayer, RNNLayer


@pytest.mark.parametrize("layer", [RNNLayer(3, 8), GRULayer(3, 8), LSTMLayer(3, 8)])
def test_each_gate_is_orthogonal(layer: RecurrentLayer) -> None:
    recurrent = layer.core.all_weights[0][1]
    for gate in recurrent.split(8):
        torch.testing.assert_close(gate @ gate.T, torch.eye(8), atol=1e-5, rtol=0)


@pytest.mark.parametrize("layer", [RNNLayer(3, 8), GRULayer(3, 8)])
def test_biases_are_zero(layer: RecurrentLayer) -> None:
    assert all(bias.eq(0).all() for bias in layer.core.all_weights[0][2:])


@pytest.mark.parametrize("forget_bias", [1.0, 0.0, -2.5])
def test_forget_bias_counts_once(forget_bias: float) -> None:
    layer = LSTMLayer(3, 4, forget_bias)
    _, _, first, second = layer.core.all_weights[0]
    wanted = torch.tensor([0.0] * 4 + [forget_bias] * 4 + [0.0] * 8)
    assert torch.equal((first + second).detach(), wanted)


def test_the_parameter_reaches_the_layers(tools: Any) -> None:
    from seqloom_recurrent.encoders import BiLSTM

    encoder = BiLSTM(3, 4, num_layers=2, forget_bias=3.0)
    biases = [bias for key, bias in encoder.named_parameters() if "bias_ih" in key]
    assert len(biases) == 4
    assert all(bias[4:8].eq(3.0).all() for bias in biases)
