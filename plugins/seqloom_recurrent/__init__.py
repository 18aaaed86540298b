"""Recurrent encoders: rnn, lstm, gru, and birnn, bilstm, bigru that read in both directions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from seqloom.nn import Merge
from seqloom.plugins import Component, hookimpl


class Nonlinearity(StrEnum):
    """What bounds, or does not bound, the state of a simple recurrent network."""

    tanh = "tanh"
    relu = "relu"


@dataclass
class Recurrent:
    """What all recurrent encoders have; the whole schema of ``gru``.

    Attributes:
        hidden_size: units of a layer, per direction.
        num_layers: layers on top of one another.
        dropout: probability of zeroing a value between two layers.
        locked_dropout: zero the same units at all steps of a sequence, not others at each step.
    """

    hidden_size: int = 128
    num_layers: int = 1
    dropout: float = 0.0
    locked_dropout: bool = True


@dataclass
class RNN(Recurrent):
    """Parameters of ``rnn``."""

    nonlinearity: Nonlinearity = Nonlinearity.tanh


@dataclass
class LSTM(Recurrent):
    """Parameters of ``lstm``.

    Attributes:
        forget_bias: the forget gate's bias at initialisation; 1 lets a new network remember.
    """

    forget_bias: float = 1.0


@dataclass
class BiRNN(RNN):
    """Parameters of ``birnn``."""

    merge: Merge = Merge.concat


@dataclass
class BiLSTM(LSTM):
    """Parameters of ``bilstm``."""

    merge: Merge = Merge.concat


@dataclass
class BiGRU(Recurrent):
    """Parameters of ``bigru``."""

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
        Component("encoder", name, schema, f"seqloom_recurrent.encoders:{target}")
        for name, (schema, target) in _ENCODERS.items()
    ]
