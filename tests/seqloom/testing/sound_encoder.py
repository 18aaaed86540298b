"""An encoder that keeps its promises, for others to be made of by breaking one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from seqloom.interfaces import Encoded, Encoder, Features

SIZE = 8


class Sound(Encoder):
    """A causal encoder that keeps its promises: h = tanh(W x + V h)."""

    causal = True

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.inputs = nn.Linear(input_size, SIZE)
        self.states = nn.Linear(SIZE, SIZE, bias=False)
        self.output_size = SIZE

    def initial_state(self, batch_size: int) -> Tensor:
        return self.states.weight.new_zeros(batch_size, SIZE)

    def step(self, values: Tensor, state: Any) -> tuple[Tensor, Any]:
        state = torch.tanh(self.inputs(values) + self.states(state))
        return state, state

    def forward(self, features: Features, state: Any = None) -> Encoded:
        lengths = features.lengths
        if not len(lengths) or int(lengths.min()) < 1:
            raise ValueError("an empty sequence or batch cannot be encoded")
        values = self.clean(features)
        state = self.initial_state(len(lengths)) if state is None else state
        states = []
        for position in range(values.shape[1]):
            output, state = self.step(values[:, position], state)
            states.append(output)
        return self.result(torch.stack(states, 1), features)

    def clean(self, features: Features) -> Tensor:
        B, T = features.values.shape[:2]
        valid = torch.arange(T) < features.lengths.reshape(B, 1)
        return features.values.masked_fill(~valid[..., None].to(features.values.device), 0.0)

    def result(self, states: Tensor, features: Features) -> Encoded:
        rows = torch.arange(len(states))
        last = states[rows, features.lengths - 1]
        return Encoded(states, last, features.lengths, features, lambda: last)
