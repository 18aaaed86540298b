"""RNN, LSTM and GRU layers: how they start, and one step against torch's cells and the layer."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqloom.nn import Bidirectional, GRULayer, Layer, LSTMLayer, RNNLayer
from seqloom.nn.recurrent import RecurrentLayer

LENGTHS = torch.tensor([5, 2, 7])
LAYERS = {
    "rnn": (lambda: RNNLayer(3, 4), lambda: nn.RNNCell(3, 4)),
    "relu": (lambda: RNNLayer(3, 4, "relu"), lambda: nn.RNNCell(3, 4, nonlinearity="relu")),
    "lstm": (lambda: LSTMLayer(3, 4), lambda: nn.LSTMCell(3, 4)),
    "gru": (lambda: GRULayer(3, 4), lambda: nn.GRUCell(3, 4)),
}


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def hidden(state: Any) -> Tensor:
    found: Tensor = state[0] if isinstance(state, tuple) else state
    return found


@pytest.fixture(params=list(LAYERS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def layer(kind: str) -> RecurrentLayer:
    """A layer whose biases are not zero."""
    layer = LAYERS[kind][0]()
    assert isinstance(layer, RecurrentLayer)
    for bias in layer.core.all_weights[0][2:]:
        nn.init.normal_(bias, std=0.3)
    return layer


def test_a_step_is_that_of_torch(kind: str, layer: RecurrentLayer) -> None:
    cell = LAYERS[kind][1]()
    own = dict(layer.core.named_parameters())
    cell.load_state_dict({key: own[f"{key}_l0"] for key in cell.state_dict()})
    state, theirs = layer.initial_state(2), None
    for values in torch.randn(6, 2, 3):
        output, state = layer.step(values, state)
        theirs = cell(values, theirs)
        torch.testing.assert_close(output, hidden(theirs))
        torch.testing.assert_close(state, theirs)


def test_steps_equal_the_layer_over_a_padded_batch(layer: RecurrentLayer) -> None:
    values = torch.randn(3, 7, 3)
    values[torch.arange(7) >= LENGTHS[:, None]] = 0.0
    given = layer(values, LENGTHS)
    final = given.finish()
    for row, length in enumerate(LENGTHS.tolist()):
        state = layer.initial_state(1)
        for step in range(length):
            output, state = layer.step(values[row : row + 1, step], state)
            torch.testing.assert_close(given.outputs[row, step], output[0])
        torch.testing.assert_close(given.summary[row], output[0])
        torch.testing.assert_close(hidden(final)[row], hidden(state)[0])


def test_a_sequence_continues_from_its_state(layer: RecurrentLayer) -> None:
    values = torch.randn(2, 6, 3)
    whole = layer(values, torch.tensor([6, 6])).outputs
    first = layer(values[:, :4], torch.tensor([4, 4]))
    rest = layer(values[:, 4:], torch.tensor([2, 2]), first.finish()).outputs
    torch.testing.assert_close(torch.cat((first.outputs, rest), 1), whole)


def test_two_directions_see_no_padding(kind: str) -> None:
    both = Bidirectional(LAYERS[kind][0](), LAYERS[kind][0]())
    values = torch.randn(1, 4, 3)
    padded = torch.cat((values, torch.ones(1, 3, 3)), 1)
    alone, more = both(values, torch.tensor([4])), both(padded, torch.tensor([4]))
    torch.testing.assert_close(more.outputs[:, :4], alone.outputs)
    torch.testing.assert_close(more.summary, alone.summary)


@pytest.mark.parametrize("made", [RNNLayer(3, 4), GRULayer(3, 4), LSTMLayer(3, 4)])
def test_a_layer_is_causal_and_says_its_size(made: Layer) -> None:
    assert made.causal
    assert made.output_size == 4


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
