"""Inference of an LSTM whose weights are laid out for oneDNN once, not again in each call.

torch's LSTM on a CPU is oneDNN's, and reorders its weights whenever it is called: for one sequence
that takes longer than to compute with them. The results are the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

_SAMPLES = 64  # values of a matrix that are compared in each call

_LSTM = 2  # torch's number of this kind of layer

_State = tuple[Tensor, Tensor]


class _Packed(NamedTuple):
    """Weights in oneDNN's layout, with what tells whether they are still those of the layer."""

    versions: tuple[int, ...]
    samples: list[tuple[Tensor, Tensor]]  # views of the layer's weights, and what they held
    weights: list[Tensor] | None  # None: they cannot be laid out


class Prepacked:
    """The weights of an LSTM of one layer and direction, in the layout of oneDNN's kernel.

    They are laid out again when the layer's have changed: been replaced, or written to, which torch
    counts. It does not count what is written through ``weight.data``; that is noticed if any of 64
    values of a matrix differ, so call `clear` after changing less than that.

    Copies, and what is pickled, have nothing laid out.
    """

    def __init__(self) -> None:
        self._packed: _Packed | None = None

    def clear(self) -> None:
        """Forget what was laid out."""
        self._packed = None

    def __reduce__(self) -> Any:
        return Prepacked, ()  # no copy of these tensors is needed, and torch cannot make one

    def run(
        self, core: nn.RNNBase, values: Tensor, state: _State | None
    ) -> tuple[Tensor, _State] | None:
        """Return what ``core(values, state)`` does in inference; None if this cannot compute it.

        Args:
            core: One layer, one direction, batch first.
            values: (B, T, D).
            state: (h, c), (1, B, H) each; None: zeros.
        """
        usable = type(core) is nn.LSTM and not core.training and _fits(core, values, state)
        weights = self._weights(core) if usable and _can_read(values) else None
        return None if weights is None else _run(core, weights, values, state)

    def _weights(self, core: nn.RNNBase) -> list[Tensor] | None:
        own: tuple[Tensor, Tensor] = core.weight_ih_l0, core.weight_hh_l0  # type: ignore[assignment]
        if own[0].is_inference() or own[1].is_inference():
            return None  # their changes are not counted
        versions = own[0].data_ptr(), own[0]._version, own[1].data_ptr(), own[1]._version
        packed = self._packed
        if packed and packed.versions == versions and _are_equal(packed.samples):
            return packed.weights
        if not _can_lay_out(own):
            self._packed = _Packed(versions, [], None)
        else:
            views = [_sample(one) for one in own]
            samples = [(view, view.clone()) for view in views]
            self._packed = _Packed(versions, samples, _lay_out(own, core.hidden_size))
        return self._packed.weights


def _fits(core: nn.LSTM, values: Tensor, state: _State | None) -> bool:
    """Return whether all sizes are right; if not, torch's layer says so, the kernel does not."""
    if values.dim() != 3 or values.shape[2] != core.input_size:
        return False
    wanted = 1, values.shape[0], core.hidden_size
    return state is None or all(one.shape == wanted for one in state)


def _can_read(values: Tensor) -> bool:
    """Return whether the kernel can read values, and nothing else is asked for."""
    return (
        values.dtype == torch.float32
        and values.is_cpu
        and not torch.is_grad_enabled()
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
        # A trace cannot hold weights in oneDNN's layout.
        and not torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
        and bool(torch.backends.mkldnn.enabled)
        and values.numel() > 0
    )


def _can_lay_out(weights: Sequence[Tensor]) -> bool:
    """Return whether oneDNN can read a layer's weights, and torch counts their changes."""
    plain = all(isinstance(one, nn.Parameter) and one.dtype == torch.float32 for one in weights)
    return plain and has_prepacked_lstm()


@cache
def has_prepacked_lstm() -> bool:
    """Return whether this torch can lay weights out for oneDNN, on this CPU with equal results."""
    if not torch.backends.mkldnn.is_available():
        return False
    # Weights that are made in inference mode have no count of their changes.
    with torch.random.fork_rng(devices=[]), torch.inference_mode(False), torch.no_grad():
        core, values = nn.LSTM(3, 5, batch_first=True).eval(), torch.randn(2, 4, 3)
        try:
            weights = _lay_out(core.all_weights[0][:2], core.hidden_size)
            found, _ = _run(core, weights, values, None)
        except (AttributeError, RuntimeError, TypeError, ValueError):
            return False  # these functions of torch are not public and may change
        return torch.allclose(found, core(values)[0], atol=1e-6)


def _run(
    core: nn.RNNBase, weights: Sequence[Tensor], values: Tensor, state: _State | None
) -> tuple[Tensor, _State]:
    rows, size = values.shape[0], core.hidden_size
    if state is None:
        hidden = cell = values.new_zeros(rows, size)
    else:
        hidden, cell = (one.contiguous().squeeze(0) for one in state)
    biases = core.bias_ih_l0, core.bias_hh_l0
    steps = values.transpose(0, 1).contiguous()
    # After the kind of layer: H, layers, biases, both directions, batch first, training.
    options = _LSTM, size, 1, True, False, False, False
    run: Any = torch.mkldnn_rnn_layer  # torch's annotations lack its results
    outputs, last_hidden, last_cell, _ = run(
        steps, *weights, *biases, hidden, cell, False, [], *options
    )
    final = last_hidden.view(1, rows, size), last_cell.view(1, rows, size)
    return outputs.transpose(0, 1), final


def _lay_out(weights: Sequence[Tensor], size: int) -> list[Tensor]:
    """Return an LSTM's weights in oneDNN's layout for sequences that come alone."""
    given = [one.detach().contiguous() for one in weights]
    found: list[Tensor] = torch.ops.mkldnn._reorder_mkldnn_rnn_layer_weight(
        *given, size, False, True, True, [1, 1, weights[0].shape[1]]
    )
    return found


def _are_equal(pairs: Sequence[tuple[Tensor, Tensor]]) -> bool:
    return all(torch.equal(one, other) for one, other in pairs)


def _sample(weights: Tensor) -> Tensor:
    flat = weights.detach().view(-1) if weights.is_contiguous() else weights.detach()[:, 0]
    return flat[:: max(1, len(flat) // _SAMPLES)]
