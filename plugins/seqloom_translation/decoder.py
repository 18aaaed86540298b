"""A recurrent decoder with attention: all steps at once in training, one at a time in a search."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn

from seqloom.nn import LockedDropout, Prepacked, PrepackedLinear, has_bfloat16_lstm
from seqloom_translation import schemas
from seqloom_translation.attention import Attention, Memory
from seqloom_translation.units import BOS, PAD

State = tuple[Tensor, ...]
"""State between two steps, (N, ·) each."""


@dataclass
class Decoded:
    """Outputs of the decoder for known targets.

    Attributes:
        hidden: What the units are predicted from, (B, S, D).
        weights: Attention, (B, S, T).
    """

    hidden: Tensor
    weights: Tensor


class _Prepacked:
    """The weights of a step in inference, laid out once."""

    def __init__(self) -> None:
        self.reader, self.writer = Prepacked(), Prepacked()
        self.output, self.logits = PrepackedLinear(), PrepackedLinear()


class Decoder(nn.Module):
    """Predicts each unit from those before it and from the encoder's states.

    A first cell reads the units; its state is the query of the attention. In the parallel form a
    second cell reads state and context, so that training computes all steps at once. With input
    feeding (Luong et al. 2015, section 3.3) the first cell also reads the output of the step
    before, step by step.

    Args:
        options: Parameters of the head.
        size: Number of units.
        state_size: Size H of the encoder's states.
    """

    def __init__(self, options: schemas.Translation, size: int, state_size: int) -> None:
        super().__init__()
        width = options.size
        self.feeding = options.input_feeding
        self.embedding = nn.Embedding(size, width, padding_idx=PAD)
        nn.init.normal_(self.embedding.weight, std=width**-0.5)
        self.bias = nn.Parameter(torch.zeros(size))
        self.attention = Attention(options.attention, width, state_size)
        layer = nn.LSTM if options.cell == schemas.Cell.lstm else nn.GRU
        self.reader = layer(width * (1 + self.feeding), width, batch_first=True)
        self.writer = None if self.feeding else layer(width + state_size, width, batch_first=True)
        self.start = nn.Linear(state_size, width * self._parts)
        self.output = nn.Linear(width + state_size, width)
        self.dropout = LockedDropout(options.dropout)
        self._prepacked = _Prepacked()

    def train(self, mode: bool = True) -> Self:
        """Set training or eval mode; the weights may have changed."""
        self._prepacked = _Prepacked()
        return super().train(mode)

    @property
    def _parts(self) -> int:
        """Number of vectors of the first cell's state."""
        return 2 if isinstance(self.reader, nn.LSTM) else 1

    def initial_state(self, summary: Tensor) -> State:
        """Return the state before the first step, from the encoder's summaries, (B, H)."""
        first = self.start(summary).tanh().chunk(self._parts, 1)
        zeros = torch.zeros_like(first[0])
        if self.feeding:
            return (*first, zeros)
        return (*first, *[zeros] * self._parts)

    def forward(self, units: Tensor, summary: Tensor, memory: Memory) -> Decoded:
        """Return the outputs before each of the units, (B, S) int64, which are known."""
        shifted = torch.cat([units.new_full((len(units), 1), BOS), units[:, :-1]], 1)
        vectors = self.dropout(self.embedding(shifted))
        state = self.initial_state(summary)
        if self.feeding:
            return self._fed(vectors, state, memory)
        queries = self._run(self.reader, vectors, state[: self._parts])
        contexts, weights = self.attention(queries, memory)
        read = self.dropout(torch.cat([queries, contexts], 2))
        assert self.writer is not None
        written = self._run(self.writer, read, state[self._parts :])
        hidden = self.output(torch.cat([written, contexts], 2)).tanh()
        return Decoded(self.dropout(hidden), weights)

    def _fed(self, vectors: Tensor, state: State, memory: Memory) -> Decoded:
        """Return the outputs, each of which the next step reads."""
        found = []
        for vector in vectors.unbind(1):
            hidden, weights, state = self._step(vector, state, memory)
            found.append((hidden, weights))
        hidden, weights = (torch.stack(parts, 1) for parts in zip(*found, strict=True))
        return Decoded(self.dropout(hidden), weights)

    def _run(self, layer: nn.LSTM | nn.GRU, values: Tensor, state: State) -> Tensor:
        half = values.is_cpu and torch.is_autocast_enabled("cpu")
        whole = half and not has_bfloat16_lstm()
        weights: Any = layer.weight_hh_l0
        dtype = weights.dtype if whole else values.dtype
        with torch.autocast("cpu", enabled=False) if whole else nullcontext():
            parts = tuple(one.unsqueeze(0).to(dtype).contiguous() for one in state)
            given = parts if isinstance(layer, nn.LSTM) else parts[0]
            found: Tensor = layer(values.to(dtype), given)[0]
        return found

    def step(self, units: Tensor, state: State, memory: Memory) -> tuple[Tensor, Tensor, State]:
        """Return logits (N, V), attention (N, T) and state after units (N,) int64.

        The memory has B rows, each of which N / B consecutive units attend to.
        """
        hidden, weights, state = self._step(self.embedding(units), state, memory)
        return self.logits(hidden), weights, state

    def _step(self, vector: Tensor, state: State, memory: Memory) -> tuple[Tensor, Tensor, State]:
        """Return what units are predicted from, (N, D), attention, (N, T), and the state."""
        parts = self._parts
        if self.feeding:
            vector = torch.cat([vector, state[parts]], 1)
        prepacked = self._prepacked
        first = _cell(self.reader, vector, state[:parts], prepacked.reader)
        queries = first[0].reshape(len(memory.lengths), -1, first[0].shape[1])
        context, weights = (one.flatten(0, 1) for one in self.attention(queries, memory))
        last: State = first
        if self.writer is not None:
            read = torch.cat([first[0], context], 1)
            last = _cell(self.writer, read, state[parts:], prepacked.writer)
        written = torch.cat([last[0], context], 1)
        hidden = prepacked.output(written, self.output.weight, self.output.bias).tanh()
        after = (*first, hidden) if self.feeding else (*first, *last)
        return hidden, weights, after

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the scores of all units, (…, V); the table of units is that of the inputs."""
        return self._prepacked.logits(hidden, self.embedding.weight, self.bias)


def _cell(layer: nn.LSTM | nn.GRU, values: Tensor, state: State, prepacked: Prepacked) -> State:
    """Return the state of a layer after one step: the output is its first part."""
    if isinstance(layer, nn.LSTM):
        lifted = state[0].unsqueeze(0), state[1].unsqueeze(0)
        if found := prepacked.run(layer, values.unsqueeze(1), lifted):
            return tuple(one.squeeze(0) for one in found[1])
    weights: list[Any] = layer.all_weights[0]
    if isinstance(layer, nn.LSTM):
        return tuple(torch.lstm_cell(values, state, *weights))
    return (torch.gru_cell(values, state[0], *weights),)
