"""Inference of an LSTM whose weights are laid out for oneDNN once, not again in each call.

torch's LSTM on a CPU is oneDNN's, and reorders its weights whenever it is called: for one sequence
that takes longer than to compute with them. The results are the same to the last bit.

For a sequence of 25 steps and 64 units each torch function around the kernel counts: a sequence
that comes alone is read with few of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

_SAMPLES = 16  # values of a matrix that are compared in each call; each is a cache miss

_LSTM = 2  # torch's number of this kind of layer

_own = itemgetter("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")

_State = tuple[Tensor, Tensor]


class _Packed(NamedTuple):
    """Weights in oneDNN's layout, with what tells whether they are still those of the layer."""

    versions: tuple[int, ...]
    samples: tuple[np.ndarray, np.ndarray]  # views of the layer's weights
    held: tuple[bytes, bytes]  # what these held
    weights: list[Tensor] | None  # None: they cannot be laid out
    zeros: Tensor  # (1, 1, H), the state before a sequence that comes alone


class LaidOut:
    """What is laid out once and used again; copies, and what is pickled, have nothing laid out."""

    def __init__(self) -> None:
        self._packed: Any = None

    def clear(self) -> None:
        """Forget what was laid out."""
        self._packed = None

    def __reduce__(self) -> Any:
        return type(self), ()  # no copy of these tensors is needed, and torch cannot make one


class Prepacked(LaidOut):
    """The weights of an LSTM of one layer and direction, in the layout of oneDNN's kernel.

    They are laid out again when the layer's have changed: been replaced, or written to, which torch
    counts. It does not count what is written through ``weight.data``; that is noticed if any of 16
    values of a matrix differ, so call `clear` after changing less than that.

    Copies, and what is pickled, have nothing laid out.
    """

    _packed: _Packed | None

    def run(
        self, core: nn.RNNBase, values: Tensor, state: _State | None, *, reverse: bool = False
    ) -> tuple[Tensor, _State] | None:
        """Return what ``core(values, state)`` does in inference; None if this cannot compute it.

        Args:
            core: One layer, one direction, batch first.
            values: (B, T, D).
            state: (h, c), (1, B, H) each; None: zeros.
            reverse: Whether to read from the last step to the first. The outputs are in the order
                of the input all the same; the state is that after the first step.
        """
        if type(core) is not nn.LSTM or not _can_read(core, values, state):
            return None
        try:
            own = _own(core._parameters)
        except KeyError:
            return None  # without biases, or computed from others, as by torch's weight_norm
        packed = self._current(own)
        if packed is None or packed.weights is None:
            return None
        if state is None:
            rows, zeros = values.shape[0], packed.zeros
            zeros = zeros if rows == 1 else zeros.expand(1, rows, -1)
            state = zeros, zeros
        return _run((*packed.weights, *own[2:]), values, state, reverse)

    def _current(self, own: Sequence[Tensor]) -> _Packed | None:
        """Return the weights laid out as they are now; None if torch does not count changes."""
        inputs, recurrent = own[:2]
        if inputs.is_inference() or recurrent.is_inference():
            return None
        versions = inputs.data_ptr(), inputs._version, recurrent.data_ptr(), recurrent._version
        packed = self._packed
        if packed is not None and packed.versions == versions:
            one, other = packed.samples
            if packed.held == (one.tobytes(), other.tobytes()):
                return packed
        self._packed = _pack(inputs, recurrent, versions)
        return self._packed


def _can_read(core: nn.LSTM, values: Tensor, state: _State | None) -> bool:
    """Return whether the kernel can do what the layer would, and nothing else is asked for.

    If a size is wrong, torch's layer says so; the kernel does not.
    """
    shape = values.shape
    return (
        values.dtype == torch.float32
        and values.is_cpu
        and len(shape) == 3
        and shape[2] == core.input_size
        and 0 not in shape
        and (state is None or all(one.shape == (1, shape[0], core.hidden_size) for one in state))
        and not core.training
        and not core._forward_hooks
        and not core._forward_pre_hooks
        and is_plain_inference()
    )


def is_plain_inference() -> bool:
    """Return whether torch computes nothing but float32 values, and may use oneDNN."""
    return (
        not torch.is_grad_enabled()
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
        # What torch.jit.is_tracing and torch.backends.mkldnn.enabled call. A trace cannot hold
        # weights in oneDNN's layout.
        and not torch._C._is_tracing()
        and torch._C._get_mkldnn_enabled()
    )


def _pack(inputs: Tensor, recurrent: Tensor, versions: tuple[int, ...]) -> _Packed:
    zeros = torch.zeros(1, 1, recurrent.shape[1])
    if not all(map(_can_lay_out, (inputs, recurrent))):
        nothing = np.empty(0)
        return _Packed(versions, (nothing, nothing), (b"", b""), None, zeros)
    samples = sample(inputs), sample(recurrent)
    held = samples[0].tobytes(), samples[1].tobytes()
    return _Packed(versions, samples, held, _lay_out(inputs, recurrent), zeros)


def _can_lay_out(weights: Tensor) -> bool:
    """Return whether oneDNN can read a matrix of a layer, and torch counts its changes."""
    known = isinstance(weights, nn.Parameter) and weights.is_cpu
    return known and weights.dtype == torch.float32 and has_prepacked_lstm()


@cache
def has_prepacked_lstm() -> bool:
    """Return whether this torch can lay weights out for oneDNN, on this CPU with equal results."""
    if not torch.backends.mkldnn.is_available():
        return False
    # Weights that are made in inference mode have no count of their changes.
    with torch.random.fork_rng(devices=[]), torch.inference_mode(False), torch.no_grad():
        core, values = nn.LSTM(3, 5, batch_first=True).eval(), torch.randn(2, 4, 3)
        start = torch.zeros(1, 2, 5), torch.zeros(1, 2, 5)
        inputs, recurrent, *biases = _own(core._parameters)
        try:
            weights = (*_lay_out(inputs, recurrent), *biases)
            ahead, _ = _run(weights, values, start, reverse=False)
            back, _ = _run(weights, values, start, reverse=True)
        except (AttributeError, RuntimeError, TypeError, ValueError):
            return False  # these functions of torch are not public and may change
        pairs = (ahead, core(values)[0]), (back.flip(1), core(values.flip(1))[0])
        return all(torch.allclose(found, wanted, atol=1e-6) for found, wanted in pairs)


def _run(
    weights: Sequence[Tensor], values: Tensor, state: _State, reverse: bool
) -> tuple[Tensor, _State]:
    hidden, cell = state
    steps = values.transpose(0, 1).contiguous()
    # After the kind of layer: H, layers, biases, both directions, batch first, training.
    options = _LSTM, hidden.shape[2], 1, True, False, False, False
    run: Any = torch.mkldnn_rnn_layer  # torch's annotations lack its results
    outputs, hidden, cell, _ = run(
        steps, *weights, hidden.contiguous(), cell.contiguous(), reverse, [], *options
    )
    return outputs.transpose(0, 1), (hidden, cell)


def _lay_out(inputs: Tensor, recurrent: Tensor) -> list[Tensor]:
    """Return an LSTM's matrices in oneDNN's layout for sequences that come alone."""
    size, width = recurrent.shape[1], inputs.shape[1]
    given = inputs.detach().contiguous(), recurrent.detach().contiguous()
    found: list[Tensor] = torch.ops.mkldnn._reorder_mkldnn_rnn_layer_weight(
        *given, size, False, True, True, [1, 1, width]
    )
    return found


def sample(weights: Tensor) -> np.ndarray:
    """Return a view of 16 or so values of a matrix, which tell whether it was written to."""
    flat = weights.detach().view(-1) if weights.is_contiguous() else weights.detach()[:, 0]
    found: np.ndarray = flat[:: max(1, len(flat) // _SAMPLES)].numpy()
    return found
