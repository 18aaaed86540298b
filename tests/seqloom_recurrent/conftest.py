"""A plain reference of the six encoders, written from the equations: one sequence, one step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from seqloom.interfaces import Features
from seqloom.nn.recurrent import Path, RecurrentLayer
from seqloom_recurrent import encoders
from seqloom_recurrent.encoders import Recurrent, ScaledProduct

CLASSES: dict[str, type[Recurrent]] = {
    "rnn": encoders.RNN,
    "lstm": encoders.LSTM,
    "gru": encoders.GRU,
    "birnn": encoders.BiRNN,
    "bilstm": encoders.BiLSTM,
    "bigru": encoders.BiGRU,
}


def make(name: str, input_size: int = 3, path: str | None = None, **params: Any) -> Recurrent:
    """Return an encoder with biases that are not zero, its layers on one path."""
    encoder = CLASSES[name](input_size, **params)
    for key, weight in encoder.named_parameters():
        if "bias" in key:
            torch.nn.init.normal_(weight, std=0.3)
    for part in encoder.modules():
        if isinstance(part, RecurrentLayer):
            part.path = Path(path) if path else None
    return encoder


def features(rows: Sequence[Tensor], size: int | None = None, fill: float = 0.0) -> Features:
    """Return sequences, (T, D) each, as a padded batch."""
    lengths = torch.tensor([len(row) for row in rows])
    values = torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True, padding_value=fill)
    more = 0 if size is None else size - values.shape[1]
    return Features(torch.nn.functional.pad(values, (0, 0, 0, more), value=fill), lengths)


def rnn_step(f: Callable[[Tensor], Tensor], w: list[Tensor], x: Tensor, h: Tensor) -> Tensor:
    return f(w[0] @ x + w[2] + w[1] @ h + w[3])


def gru_step(w: list[Tensor], x: Tensor, h: Tensor) -> Tensor:
    (xr, xz, xn), (hr, hz, hn) = (w[0] @ x + w[2]).chunk(3), (w[1] @ h + w[3]).chunk(3)
    r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
    return (1 - z) * torch.tanh(xn + r * hn) + z * h


def lstm_step(w: list[Tensor], x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    i, f, g, o = (w[0] @ x + w[2] + w[1] @ h + w[3]).chunk(4)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def run_direction(layer: RecurrentLayer, steps: Sequence[Tensor]) -> tuple[list[Tensor], Any]:
    """Return the outputs, in the order of the steps given, and the last state."""
    w: list[Tensor] = list(layer.core.all_weights[0])
    h = c = torch.zeros(layer.output_size)
    outputs = []
    for x in steps:
        match type(layer).__name__:
            case "LSTMLayer":
                h, c = lstm_step(w, x, h, c)
            case "GRULayer":
                h = gru_step(w, x, h)
            case _:
                relu = getattr(layer, "nonlinearity", "") == "relu"
                h = rnn_step(torch.relu if relu else torch.tanh, w, x, h)
        outputs.append(h)
    return outputs, (h, c) if type(layer).__name__ == "LSTMLayer" else h


MERGES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "concat": lambda f, b: torch.cat([f, b]),
    "sum": lambda f, b: f + b,
    "average": lambda f, b: (f + b) / 2,
    "multiply": lambda f, b: f * b,
}


def reference(encoder: Recurrent, row: Tensor) -> tuple[Tensor, Tensor, list[Any]]:
    """Return the outputs (T, H), the summary (H,) and the final states of one sequence, (T, D)."""
    steps, summary, states = list(row), torch.zeros(0), []
    for top in encoder.stack.layers:
        scale = top.scale if isinstance(top, ScaledProduct) else torch.ones(())
        layer = top.layer if isinstance(top, ScaledProduct) else top
        if isinstance(layer, RecurrentLayer):
            steps, state = run_direction(layer, steps)
            summary = steps[-1]
        else:
            ahead, last = run_direction(layer.forward_layer, steps)
            back, first = run_direction(layer.backward_layer, steps[::-1])
            merge = MERGES[layer.merge]
            steps = [merge(f, b) * scale for f, b in zip(ahead, back[::-1], strict=True)]
            summary, state = merge(ahead[-1], back[-1]) * scale, (last, first)
        states.append(state)
    return torch.stack(steps), summary, states


class Tools:
    """What the tests of this folder share."""

    names = tuple(CLASSES)
    make = staticmethod(make)
    features = staticmethod(features)
    reference = staticmethod(reference)


@pytest.fixture(scope="session")
def tools() -> Tools:
    return Tools()


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)
