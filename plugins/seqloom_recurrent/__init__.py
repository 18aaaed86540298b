"""Recurrent encoders: rnn, lstm, gru, and the bidirectional birnn, bilstm, bigru."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from seqloom.nn import Merge
from seqloom.plugins import Component, hookimpl


class Nonlinearity(StrEnum):
    """Activation of a simple recurrent network."""

    tanh = "tanh"
    relu = "relu"


@dataclass
class Recurrent:
    """Parameters of ``gru``: gated recurrent units, from the first step to the last.

    Attributes:
        hidden_size: Units of a layer, per direction.
        num_layers: Number of stacked layers.
        dropout: Probability of zeroing a value between two layers; changes nothing with one layer.
        locked_dropout: Whether to zero the same units at all steps of a sequence.
    """

    hidden_size: int = 128
    num_layers: int = 1
    dropout: float = 0.0
    locked_dropout: bool = True


@dataclass
class RNN(Recurrent):
    """Parameters of ``rnn``: a simple recurrent network, from the first step to the last.

    Attributes:
        nonlinearity: Activation of the units.
    """

    nonlinearity: Nonlinearity = Nonlinearity.tanh


@dataclass
class LSTM(Recurrent):
    """Parameters of ``lstm``: long short-term memory, from the first step to the last.

    Attributes:
        forget_bias: Initial bias of the forget gate; 1 lets a new network remember.
    """

    forget_bias: float = 1.0


@dataclass
class BiRNN(RNN):
    """Parameters of ``birnn``: simple recurrent networks in both directions, merged at each step.

    Attributes:
        merge: How the states f and b of the two directions are merged at each step. The product
            is multiplied by a constant for each layer, which makes it as large as ``concat``'s.
    """

    merge: Merge = Merge.concat


@dataclass
class BiLSTM(LSTM):
    """Parameters of ``bilstm``: LSTMs in both directions, merged at each step.

    Attributes:
        merge: How the states f and b of the two directions are merged at each step. The product
            is multiplied by a constant for each layer, which makes it as large as ``concat``'s.
    """

    merge: Merge = Merge.concat


@dataclass
class BiGRU(Recurrent):
    """Parameters of ``bigru``: GRUs in both directions, merged at each step.

    Attributes:
        merge: How the states f and b of the two directions are merged at each step. The product
            is multiplied by a constant for each layer, which makes it as large as ``concat``'s.
    """

    merge: Merge = Merge.concat


_ENCODERS = {
    "rnn": (RNN, "RNN"),
    "lstm": (LSTM, "LSTM"),
    "gru": (Recurrent, "GRU"),
    "birnn": (BiRNN, "BiRNN"),
    "bilstm": (BiLSTM, "BiLSTM"),
    "bigru": (BiGRU, "BiGRU"),
}


@hookimpl
def seqloom_components() -> Iterable[Component]:
    """Return the six encoders."""
    return [
        Component("encoder", name, schema, f"seqloom_recurrent.encoders:{target}", files=())
        for name, (schema, target) in _ENCODERS.items()
    ]
