"""One recurrent layer in one direction, over right-padded batches."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from enum import StrEnum
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqloom.interfaces import State
from seqloom.nn import Layer, LayerOutput, is_full
from seqloom_recurrent.initialise import initialise
from seqloom_recurrent.ragged import by_length, cut, is_worth_cutting, join_steps, split_steps


class Path(StrEnum):
    """How a layer computes a ragged batch; the results are the same."""

    dense = "dense"  # the padding included
    pieces = "pieces"  # in a few dense pieces; see ragged.py
    packed = "packed"  # as torch's PackedSequence


class RecurrentLayer(Layer):
    """A torch recurrent layer of one direction that gives the same alone and padded.

    torch's layer holds the weights and computes. On a CPU a ragged batch goes through it dense,
    with what padding there is: a causal layer meets the padding after the real steps, so it cannot
    change them, and torch's fused kernel takes dense batches only. If much of the batch is
    padding, it is cut into dense pieces. On a GPU cuDNN takes packed batches.

    Args:
        core: one layer, one direction, batch first.

    Attributes:
        core: torch's layer.
        path: set it to have one of the paths on any device; None leaves the choice.
    """

    causal = True

    def __init__(self, core: nn.RNNBase, forget_bias: float | None = None) -> None:
        super().__init__()
        self.core = core
        self.output_size = core.hidden_size
        self.path: Path | None = None
        initialise(core, forget_bias)

    def forward(self, values: Tensor, lengths: Tensor, state: State | None = None) -> LayerOutput:
        """Read a batch, (B, T, D), from ``state`` or from zeros."""
        runs = {Path.dense: self._dense, Path.pieces: self._pieces, Path.packed: self._packed}
        return runs[self.path or self._choice(values, lengths)](values, lengths, state)

    def _choice(self, values: Tensor, lengths: Tensor) -> Path:
        if is_full(lengths, values.shape[1]):
            return Path.dense
        if values.is_cuda:
            return Path.packed
        return Path.pieces if is_worth_cutting(lengths, values.shape[1]) else Path.dense

    def _dense(self, values: Tensor, lengths: Tensor, state: State | None) -> LayerOutput:
        outputs, final = self.core(values, _each(_lifted, state))
        if is_full(lengths, values.shape[1]):
            return LayerOutput(outputs, outputs[:, -1], lambda: _each(_lowered, final))
        return self._late(outputs, values, lengths, state)

    def _pieces(self, values: Tensor, lengths: Tensor, state: State | None) -> LayerOutput:
        order, inverse = by_length(lengths, values.device)
        pieces = cut(lengths.sort(descending=True).values.tolist())
        parts = split_steps(values.index_select(0, order), pieces)
        current = _each(lambda tensor: tensor[order].unsqueeze(0), state)
        given: list[Tensor] = []
        for piece, part in zip(pieces, parts, strict=True):
            current = _each(partial(_first_rows, rows=piece.rows), current)
            outputs, current = self.core(part, current)
            given.append(outputs)
        outputs = join_steps(given, *values.shape[:2]).index_select(0, inverse)
        return self._late(outputs, values, lengths, state)

    def _packed(self, values: Tensor, lengths: Tensor, state: State | None) -> LayerOutput:
        packed = pack_padded_sequence(values, lengths, batch_first=True, enforce_sorted=False)
        given, final = self.core(packed, _each(_lifted, state))
        outputs, _ = pad_packed_sequence(given, batch_first=True, total_length=values.shape[1])
        last = _each(_lowered, final)
        return LayerOutput(outputs, self._output_of(last), lambda: last)

    def _late(
        self, outputs: Tensor, values: Tensor, lengths: Tensor, state: State | None
    ) -> LayerOutput:
        """Return what a ragged batch gave, the final state to be computed if it is asked for."""
        summary = at_last_step(outputs, lengths)
        return LayerOutput(outputs, summary, lambda: self._finish(values, lengths, state, summary))

    def _finish(
        self, values: Tensor, lengths: Tensor, state: State | None, summary: Tensor
    ) -> State:
        """Return the state after each row's last step, of which the dense path kept h alone."""
        return summary

    def _output_of(self, state: State) -> Tensor:
        """Return the part of a state that is the layer's output, (B, H)."""
        output: Tensor = state
        return output

    def _weights(self) -> list[nn.Parameter]:
        """Return W_ih, W_hh, b_ih and b_hh."""
        return self.core.all_weights[0]

    def _zeros(self, batch_size: int) -> Tensor:
        return self._weights()[1].new_zeros(batch_size, self.output_size)

    def initial_state(self, batch_size: int) -> State:
        """Return zeros, (B, H)."""
        return self._zeros(batch_size)

    @abstractmethod
    def step(self, values: Tensor, state: State) -> tuple[Tensor, State]:
        """Read one step, (B, D), and return its output, (B, H), with the state."""


class RNNLayer(RecurrentLayer):
    """h_t = f(W x_t + U h_{t-1} + b), f being tanh or relu; Elman 1990.

    A state under relu has no bound and could overflow while it runs on over padding, which would
    make the weights' gradients NaN: so relu takes ragged batches packed on every device.

    Under autocast it stays in the type of its weights: no gate limits what a state carries on, the
    rounding errors of bfloat16 (2^-9 a step) included, and half precision gains it nothing.
    """

    def __init__(self, input_size: int, hidden_size: int, nonlinearity: str = "tanh") -> None:
        core = nn.RNN(input_size, hidden_size, nonlinearity=nonlinearity, batch_first=True)
        super().__init__(core)
        self.nonlinearity = str(nonlinearity)

    def forward(self, values: Tensor, lengths: Tensor, state: State | None = None) -> LayerOutput:
        """Read a batch, (B, T, D), from ``state`` or from zeros."""
        with torch.autocast(values.device.type, enabled=False):
            return super().forward(values.to(self._weights()[0].dtype), lengths, state)

    def _choice(self, values: Tensor, lengths: Tensor) -> Path:
        ragged = not is_full(lengths, values.shape[1])
        unbounded = self.nonlinearity == "relu"
        return Path.packed if ragged and unbounded else super()._choice(values, lengths)

    def step(self, values: Tensor, state: State) -> tuple[Tensor, State]:
        """Read one step, (B, D), and return its output, (B, H), twice: it is the state."""
        cell = torch.rnn_relu_cell if self.nonlinearity == "relu" else torch.rnn_tanh_cell
        output = cell(values, state, *self._weights())
        return output, output


class GRULayer(RecurrentLayer):
    """Gated recurrent unit in torch's and cuDNN's form, the reset gate after the product.

    r = σ(W_r x + U_r h), z = σ(W_z x + U_z h), n = tanh(W_n x + b + r ⊙ (U_n h + b')),
    h' = (1 - z) ⊙ n + z ⊙ h; Cho et al. 2014, with the reset as in torch.nn.GRU.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(nn.GRU(input_size, hidden_size, batch_first=True))

    def step(self, values: Tensor, state: State) -> tuple[Tensor, State]:
        """Read one step, (B, D), and return its output, (B, H), twice: it is the state."""
        output = torch.gru_cell(values, state, *self._weights())
        return output, output


class LSTMLayer(RecurrentLayer):
    """Long short-term memory with a forget gate; Gers, Schmidhuber and Cummins 2000.

    i, f, o = σ(W x + U h + b), g = tanh(W x + U h + b), c' = f ⊙ c + i ⊙ g, h' = o ⊙ tanh(c').
    Its state is the pair (h, c).
    """

    def __init__(self, input_size: int, hidden_size: int, forget_bias: float = 1.0) -> None:
        super().__init__(nn.LSTM(input_size, hidden_size, batch_first=True), forget_bias)

    def _finish(
        self, values: Tensor, lengths: Tensor, state: State | None, summary: Tensor
    ) -> State:
        # The fused kernel returns c after the padding only: a packed run stops where a row ends.
        return self._packed(values, lengths, state).finish()

    def _output_of(self, state: State) -> Tensor:
        output: Tensor = state[0]
        return output

    def initial_state(self, batch_size: int) -> State:
        """Return zeros, (B, H) twice."""
        return self._zeros(batch_size), self._zeros(batch_size)

    def step(self, values: Tensor, state: State) -> tuple[Tensor, State]:
        """Read one step, (B, D), and return its output, (B, H), with (h, c)."""
        output, cell = torch.lstm_cell(values, state, *self._weights())
        return output, (output, cell)


def at_last_step(outputs: Tensor, lengths: Tensor) -> Tensor:
    """Return (B, H), the outputs (B, T, H) at each row's own last step."""
    last = (lengths - 1).to(outputs.device, non_blocking=True)
    return outputs[torch.arange(len(outputs), device=outputs.device), last]


def _first_rows(tensor: Tensor, rows: int) -> Tensor:
    return tensor[:, :rows].contiguous()  # the fused kernel reads no strides


def _lifted(tensor: Tensor) -> Tensor:
    return tensor.unsqueeze(0)  # (1, B, H), torch's form for one layer of one direction


def _lowered(tensor: Tensor) -> Tensor:
    return tensor.squeeze(0)


def _each(function: Callable[[Tensor], Tensor], state: State | None) -> State | None:
    """Return the function of each tensor of a state."""
    if state is None:
        return None
    return tuple(map(function, state)) if isinstance(state, tuple) else function(state)
