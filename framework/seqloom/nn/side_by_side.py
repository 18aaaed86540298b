"""The two directions of a bidirectional layer, computed on two threads of a CPU at the same time.

Neither direction reads what the other computes, forward or backward. The same kernels read the same
tensors in the same order, so that the numbers are those of one direction after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from seqloom.cores import available_cores
from seqloom.interfaces.encoder import State
from seqloom.nn.companion import together
from seqloom.nn.layer import Layer, LayerOutput
from seqloom.nn.mask import is_full
from seqloom.nn.prepacked import has_prepacked_lstm
from seqloom.nn.recurrent import RecurrentLayer, at_last_step, has_bfloat16_lstm
from seqloom.nn.reversal import reverse_within_lengths

_WORTH = 4_000_000
"""Multiplications of a direction, with the padding, from which two threads are faster."""


@dataclass(frozen=True)
class Direction:
    """A layer that reads a batch forward or backward.

    Attributes:
        layer: Layer of this direction.
        lengths: (B,) int64 on the CPU.
        backward: Whether it reads each row from its end.
    """

    layer: RecurrentLayer
    lengths: Tensor
    backward: bool = False

    def read(self, values: Tensor) -> LayerOutput:
        """Return the output for (B, T, D) values, in their order."""
        if self.backward:
            return self.layer.read_reversed(values, self.lengths)
        return self.layer(values, self.lengths)

    def tensors(self, values: Tensor) -> list[Tensor]:
        """Return the outputs, (B, T, H), and without padding the tensors of the final state."""
        given = self.read(values)
        if not is_full(self.lengths, values.shape[1]):
            return [given.outputs]
        final = given.finish()
        return [given.outputs, *(final if isinstance(final, tuple) else [final])]

    def output(self, values: Tensor, outputs: Tensor, *final: Tensor) -> LayerOutput:
        """Return what ``read`` does, made of the results of ``tensors``."""
        if self.backward or final:  # without padding, where a row ends is known
            summary = outputs.select(1, 0 if self.backward else -1)
        else:
            summary = at_last_step(outputs, self.lengths)

        def finish() -> State:
            if final:
                return final[0] if len(final) == 1 else final
            read = reverse_within_lengths(values, self.lengths) if self.backward else values
            return self.layer.late_state(read, self.lengths, None, summary)

        return LayerOutput(outputs, summary, finish)


def are_worth_two_threads(ahead: Layer, back: Layer, values: Tensor) -> bool:
    """Return whether two threads may compute two directions, would be faster, and do the same.

    torch must be set to two threads at least (``threads=2``), and the process may use two cores.
    What follows torch's calls in a single thread, such as a trace, would miss those of the other.

    Args:
        ahead: Layer of the forward direction.
        back: Layer of the backward direction.
        values: (B, T, D).
    """
    return (
        not torch.compiler.is_compiling()
        and torch.get_num_threads() > 1
        and isinstance(ahead, RecurrentLayer)  # these draw no random numbers
        and isinstance(back, RecurrentLayer)
        and ahead is not back
        and type(values) is Tensor
        and values.dim() == 3
        and _multiplications(back, values) >= _WORTH
        and values.is_cpu
        and len(available_cores()) > 1
        and not ahead.may_pack()  # then gradients of a summary take another way
        and not _is_watched()
        and _has_looked_for_kernels()
    )


def _multiplications(layer: RecurrentLayer, values: Tensor) -> int:
    rows, steps, width = values.shape
    size = layer.output_size
    return rows * steps * layer.gates * size * (width + size)


def _is_watched() -> bool:
    """Return whether something follows torch's calls in this thread only."""
    return (
        torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
        or torch.autograd._profiler_enabled()  # type: ignore[attr-defined]
        or torch._C._are_functorch_transforms_active()
        or torch._C._len_torch_dispatch_stack() > 0
        or torch._C._len_torch_function_stack() > 0
    )


def _has_looked_for_kernels() -> bool:
    """Look for torch's kernels now, which draws random numbers, and not in two threads at once."""
    has_prepacked_lstm()
    has_bfloat16_lstm()
    return True


def read_side_by_side(
    forward_layer: Layer, backward_layer: Layer, values: Tensor, lengths: Tensor
) -> tuple[LayerOutput, LayerOutput]:
    """Return the output of each direction, in the order of the input, computed at the same time.

    Args:
        forward_layer: Layer of the forward direction, for which `are_worth_two_threads`.
        backward_layer: Layer of the backward direction.
        values: (B, T, D).
        lengths: (B,) int64 on the CPU.
    """
    assert isinstance(forward_layer, RecurrentLayer)
    assert isinstance(backward_layer, RecurrentLayer)
    ahead = Direction(forward_layer, lengths)
    back = Direction(backward_layer, lengths, backward=True)
    weights = [*backward_layer.parameters(), *forward_layer.parameters()]
    if not (torch.is_grad_enabled() and any(one.requires_grad for one in (values, *weights))):
        return together(partial(ahead.read, values), partial(back.read, values))
    found = _SideBySide.apply(ahead, back, values, values, *weights)  # type: ignore[no-untyped-call]
    half = len(found) // 2
    return ahead.output(values, *found[:half]), back.output(values, *found[half:])


class _SideBySide(torch.autograd.Function):
    """Reads a batch in two directions with a graph for each, and goes back through both at once.

    It gets the values twice, and what belongs to the backward direction first, so that autograd
    adds gradients up in the order in which it would go back through one graph.
    """

    @staticmethod
    def forward(
        ctx: Any,
        ahead: Direction,
        back: Direction,
        to_back: Tensor,
        to_ahead: Tensor,
        *weights: Tensor,
    ) -> tuple[Tensor, ...]:
        leaves = [one.detach().requires_grad_(one.requires_grad) for one in (to_ahead, to_back)]
        with torch.enable_grad():
            found = together(partial(ahead.tensors, leaves[0]), partial(back.tensors, leaves[1]))
        results = [*found[0], *found[1]]
        ctx.directions, ctx.count = (ahead, back), len(results)
        ctx.autocast = torch.get_autocast_dtype("cpu"), torch.is_autocast_enabled("cpu")
        ctx.set_materialize_grads(False)
        # As saved tensors, both graphs are freed when autograd frees the one around them.
        ctx.save_for_backward(to_ahead, *leaves, *results, *weights)
        return tuple(one.detach() for one in results)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        values, *saved = ctx.saved_tensors
        leaves, results, weights = saved[:2], saved[2 : 2 + ctx.count], saved[2 + ctx.count :]
        # Gradients of gradients need a graph that begins at the values themselves; and hooks that
        # store saved tensors elsewhere cut them off from theirs.
        again = torch.is_grad_enabled() or not any(one.grad_fn for one in results)
        if again:
            leaves, results = _read_again(ctx, values)
        half, weight = ctx.count // 2, len(weights) // 2
        calls = (
            partial(_gradients, results[:half], gradients[:half], [leaves[0], *weights[weight:]]),
            partial(_gradients, results[half:], gradients[half:], [leaves[1], *weights[:weight]]),
        )
        of_ahead, of_back = [call() for call in calls] if again else together(*calls)
        return None, None, of_back[0], of_ahead[0], *of_back[1:], *of_ahead[1:]


def _read_again(ctx: Any, values: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Return the values that each direction reads, and the results, with a graph between them."""
    deeper = torch.is_grad_enabled()
    with torch.enable_grad(), torch.autocast("cpu", *ctx.autocast):
        leaves = [
            values.view_as(values)
            if deeper
            else values.detach().requires_grad_(values.requires_grad)
            for _ in ctx.directions
        ]
        results = [one.tensors(leaf) for one, leaf in zip(ctx.directions, leaves, strict=True)]
    return leaves, [*results[0], *results[1]]


def _gradients(
    results: Sequence[Tensor], gradients: Sequence[Tensor | None], inputs: Sequence[Tensor]
) -> list[Tensor | None]:
    """Return the gradient of each of a direction's inputs, None where none is asked for."""
    wanted = [one for one in inputs if one.requires_grad]
    pairs = [(one, of) for one, of in zip(results, gradients, strict=True) if of is not None]
    if not wanted or not pairs:
        return [None] * len(inputs)
    found = torch.autograd.grad(
        [one for one, _ in pairs],
        wanted,
        [of for _, of in pairs],
        retain_graph=True,
        create_graph=torch.is_grad_enabled(),
    )
    left = iter(found)
    return [next(left) if one.requires_grad else None for one in inputs]
