"""Recurrent layers of one direction, with the same results alone and padded: RNN, LSTM and GRU."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from enum import StrEnum
from functools import cache, partial
from typing import ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqloom.interfaces.encoder import State
from seqloom.nn.layer import Layer, LayerOutput
from seqloom.nn.mask import is_full
from seqloom.nn.pieces import (
    by_length,
    is_worth_splitting,
    join_steps,
    split_batch,
    split_steps,
)
from seqloom.nn.prepacked import Prepacked


class Path(StrEnum):
    """How a layer computes a ragged batch; the results are the same."""

    dense = "dense"  # the padding included
    pieces = "pieces"  # in a few dense pieces; see `seqloom.nn.pieces`
    packed = "packed"  # as torch's PackedSequence


class RecurrentLayer(Layer):
    """A torch recurrent layer of one direction with the same results alone and padded.

    torch's layer holds the weights and computes. On a CPU a ragged batch is computed dense, the
    padding included: a causal layer reads the padding after the real steps, so it cannot change
    them, and torch's fused kernel takes dense batches only. If much of the batch is padding, it is
    split into dense pieces. On a GPU cuDNN takes packed batches.

    Args:
        core: One layer, one direction, batch first.
        forget_bias: Initial bias of the forget gate; None for layers without one.

    Attributes:
        core: torch's layer.
        gates: Number of matrices of H rows by which it multiplies each step.
        path: Path to use on any device; None chooses the fastest.
    """

    causal = True
    gates: ClassVar[int] = 1

    def __init__(self, core: nn.RNNBase, forget_bias: float | None = None) -> None:
        super().__init__()
        self.core = core
        self.output_size = core.hidden_size
        self.path: Path | None = None
        initialise(core, forget_bias)

    def forward(self, values: Tensor, lengths: Tensor, state: State | None = None) -> LayerOutput:
        """Read a batch, (B, T, D), from ``state`` or from zeros."""
        if self.path is None and is_full(lengths, values.shape[1]):
            return self._full(values, state)
        runs = {Path.dense: self._dense, Path.pieces: self._pieces, Path.packed: self._packed}
        return runs[self.path or self._choice(values, lengths)](values, lengths, state)

    def explain(self, values: Tensor, lengths: Tensor) -> str:
        """Return the path on which ``forward`` would compute a batch."""
        return str(self.path or self._choice(values, lengths))

    def may_pack(self) -> bool:
        """Return whether ``forward`` would take some batch packed on a CPU."""
        return self.path == Path.packed

    def _choice(self, values: Tensor, lengths: Tensor) -> Path:
        if is_full(lengths, values.shape[1]):
            return Path.dense
        if values.is_cuda:
            return Path.packed
        return Path.pieces if is_worth_splitting(lengths, values.shape[1]) else Path.dense

    def _full(self, values: Tensor, state: State | None) -> LayerOutput:
        """Read a batch without padding, such as a single sequence."""
        outputs, final = self._run(values, _each(_lifted, state))
        return LayerOutput(outputs, outputs.select(1, -1), lambda: _each(_lowered, final))

    def _dense(self, values: Tensor, lengths: Tensor, state: State | None) -> LayerOutput:
        if is_full(lengths, values.shape[1]):
            return self._full(values, state)
        outputs, _ = self._run(values, _each(_lifted, state))
        return self._late(outputs, values, lengths, state)

    def _run(self, values: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Run torch's layer on a dense batch."""
        outputs, final = self.core(values, state)
        return outputs, final

    def _pieces(self, values: Tensor, lengths: Tensor, state: State | None) -> LayerOutput:
        order, inverse = by_length(lengths, values.device)
        pieces = split_batch(lengths.sort(descending=True).values.tolist())
        parts = split_steps(values.index_select(0, order), pieces)
        current = _each(lambda tensor: tensor[order].unsqueeze(0), state)
        given: list[Tensor] = []
        for piece, part in zip(pieces, parts, strict=True):
            current = _each(partial(_first_rows, rows=piece.rows), current)
            outputs, current = self._run(part, current)
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
        """Return the results of a ragged batch; the final state is computed only if it is read."""
        summary = at_last_step(outputs, lengths)
        return LayerOutput(
            outputs, summary, lambda: self.late_state(values, lengths, state, summary)
        )

    def late_state(
        self, values: Tensor, lengths: Tensor, state: State | None, summary: Tensor
    ) -> State:
        """Return the state after each row's last step; ``forward`` kept only its h, the summary."""
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
    """Simple recurrent layer: h_t = f(W x_t + U h_{t-1} + b), f being tanh or relu.

    Elman 1990, "Finding structure in time". Its state is h, (B, H). U starts orthogonal.

    Args:
        input_size: D.
        hidden_size: H.
        nonlinearity: ``tanh`` or ``relu``.

    >>> layer = RNNLayer(3, 4)
    >>> outputs = layer(torch.zeros(2, 5, 3), torch.tensor([5, 2])).outputs  # (B, T, D)
    >>> outputs.shape
    torch.Size([2, 5, 4])

    With relu a state has no bound and could overflow in the padding, which would make the weights'
    gradients NaN: so relu takes ragged batches packed on every device.

    Under autocast it stays in the type of its weights: no gate limits what a state carries over,
    including the rounding errors of bfloat16 (2^-9 a step), and half precision is not faster.
    """

    def __init__(self, input_size: int, hidden_size: int, nonlinearity: str = "tanh") -> None:
        core = nn.RNN(input_size, hidden_size, nonlinearity=nonlinearity, batch_first=True)
        super().__init__(core)
        self.nonlinearity = str(nonlinearity)

    def forward(self, values: Tensor, lengths: Tensor, state: State | None = None) -> LayerOutput:
        """Read a batch, (B, T, D), from ``state`` or from zeros."""
        with torch.autocast(values.device.type, enabled=False):
            return super().forward(values.to(self._weights()[0].dtype), lengths, state)

    def may_pack(self) -> bool:
        """Return whether ``forward`` would take some batch packed on a CPU."""
        return self.nonlinearity == "relu" or super().may_pack()

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

    ::

        r_t = σ(W_r x_t + U_r h_{t-1} + b_r)                 reset gate
        z_t = σ(W_z x_t + U_z h_{t-1} + b_z)                 update gate
        n_t = tanh(W_n x_t + b_n + r_t ⊙ (U_n h_{t-1} + b'_n))
        h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}

    Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder for statistical
    machine translation", with the reset as in ``torch.nn.GRU``. Its state is h, (B, H).

    Args:
        input_size: D.
        hidden_size: H.

    >>> layer = GRULayer(3, 4)
    >>> output, state = layer.step(torch.zeros(2, 3), layer.initial_state(2))  # one step, (B, D)
    >>> output.shape
    torch.Size([2, 4])
    """

    gates = 3

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(nn.GRU(input_size, hidden_size, batch_first=True))

    def step(self, values: Tensor, state: State) -> tuple[Tensor, State]:
        """Read one step, (B, D), and return its output, (B, H), twice: it is the state."""
        output = torch.gru_cell(values, state, *self._weights())
        return output, output


class LSTMLayer(RecurrentLayer):
    """Long short-term memory with a forget gate.

    ::

        f_t = σ(W_f x_t + U_f h_{t-1} + b_f)                 forget gate
        i_t = σ(W_i x_t + U_i h_{t-1} + b_i)                 input gate
        o_t = σ(W_o x_t + U_o h_{t-1} + b_o)                 output gate
        g_t = tanh(W_g x_t + U_g h_{t-1} + b_g)              candidate
        c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
        h_t = o_t ⊙ tanh(c_t)

    Hochreiter and Schmidhuber 1997, "Long short-term memory"; the forget gate is that of Gers,
    Schmidhuber and Cummins 2000, "Learning to forget". Its state is the pair (h, c), (B, H) each.

    Args:
        input_size: D.
        hidden_size: H.
        forget_bias: b_f at the start; 1 lets a new layer remember.

    >>> layer = LSTMLayer(3, 4)
    >>> output, (h, c) = layer.step(torch.zeros(2, 3), layer.initial_state(2))  # one step, (B, D)
    >>> output.shape, c.shape
    (torch.Size([2, 4]), torch.Size([2, 4]))
    """

    gates = 4

    def __init__(self, input_size: int, hidden_size: int, forget_bias: float = 1.0) -> None:
        super().__init__(nn.LSTM(input_size, hidden_size, batch_first=True), forget_bias)
        self.prepacked = Prepacked()

    def train(self, mode: bool = True) -> Self:
        """Set training or eval mode; the weights may have changed."""
        self.prepacked.clear()
        return super().train(mode)

    def forward(self, values: Tensor, lengths: Tensor, state: State | None = None) -> LayerOutput:
        """Read a batch, (B, T, D), from ``state`` or from zeros."""
        found = self._prepacked(values, lengths) if state is None else None
        return super().forward(values, lengths, state) if found is None else found

    def read_reversed(self, values: Tensor, lengths: Tensor) -> LayerOutput:
        """Read each sequence from its last real step to its first."""
        found = None
        # Hooks, and what a subclass may have changed, see a reversed batch.
        if type(self) is LSTMLayer and not self._forward_hooks and not self._forward_pre_hooks:
            found = self._prepacked(values, lengths, reverse=True)
        return super().read_reversed(values, lengths) if found is None else found

    def _prepacked(
        self, values: Tensor, lengths: Tensor, *, reverse: bool = False
    ) -> LayerOutput | None:
        """Read a batch without padding, in inference; None if it cannot be read so."""
        if self.path is not None or not is_full(lengths, values.shape[1]):
            return None
        found = self.prepacked.run(self.core, values, None, reverse=reverse)
        if found is None:
            return None
        outputs, final = found
        summary = outputs.select(1, 0 if reverse else -1)
        return LayerOutput(outputs, summary, lambda: _each(_lowered, final))

    def _run(self, values: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Run torch's layer on a dense batch, in float32 if the CPU has no bfloat16 kernel."""
        found = self.prepacked.run(self.core, values, state)
        if found is not None:
            return found
        half = values.is_cpu and torch.is_autocast_enabled("cpu")
        if not half or torch.get_autocast_dtype("cpu") != torch.bfloat16 or has_bfloat16_lstm():
            return super()._run(values, state)
        with torch.autocast("cpu", enabled=False):
            return self._run(values.float(), _each(Tensor.float, state))

    def late_state(
        self, values: Tensor, lengths: Tensor, state: State | None, summary: Tensor
    ) -> State:
        """Return (h, c) after each row's last step."""
        # The fused kernel returns c only after the padding; a packed run stops where a row ends.
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


@cache
def has_bfloat16_lstm() -> bool:
    """Return whether torch has an LSTM kernel in bfloat16 for this CPU; some processors lack it."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        layer = nn.LSTM(2, 2)
        try:
            with torch.autocast("cpu", torch.bfloat16):
                layer(torch.zeros(1, 1, 2))
        except RuntimeError:
            return False
    return True


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
    """Return a state with the function applied to each of its tensors."""
    if state is None:
        return None
    return tuple(map(function, state)) if isinstance(state, tuple) else function(state)


@torch.no_grad()
def initialise(core: nn.RNNBase, forget_bias: float | None = None) -> None:
    """Set the recurrent weights and biases of a one-layer, one-direction torch layer.

    The recurrent matrix of each gate becomes orthogonal, so that a state keeps its length through
    many steps (Saxe et al. 2014, "Exact solutions to the nonlinear dynamics of learning in deep
    linear neural networks"). Biases become zero. torch adds two biases to each gate:
    ``forget_bias`` goes into one of them only (Jozefowicz et al. 2015, "An empirical exploration
    of recurrent network architectures"). Input weights keep torch's initialisation.

    Args:
        core: Layer whose weights are set.
        forget_bias: Bias of an LSTM's forget gate; None for other layers.
    """
    size = core.hidden_size
    _, recurrent, input_bias, recurrent_bias = core.all_weights[0]
    for gate in recurrent.chunk(len(recurrent) // size):
        nn.init.orthogonal_(gate)
    input_bias.zero_()
    recurrent_bias.zero_()
    if forget_bias is not None:
        input_bias[size : 2 * size] = forget_bias  # torch's order of the gates is i, f, g, o
