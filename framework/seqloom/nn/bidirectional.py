"""One causal layer in each direction, and the two made one."""

from __future__ import annotations

from typing import NoReturn

from torch import Tensor

from seqloom.interfaces.encoder import State
from seqloom.nn.layer import Layer, LayerOutput
from seqloom.nn.merge import merge_function, merge_named, merged_size
from seqloom.nn.reversal import reversal_index, reverse_by


class Bidirectional(Layer):
    """Reads each sequence from both its ends with two layers, and merges what they give.

    The backward layer reads the batch reversed inside each length, so it starts at each sequence's
    own end and never reads padding before it. Outputs are merged step by step; the summaries, that
    is forward's output at the last step and backward's at the first, are merged equally. Wrap each
    layer of a `Stack`, not the stack: so the second layer reads both directions of the first
    (Schuster and Paliwal 1997, "Bidirectional recurrent neural networks").

    Args:
        forward: a causal layer.
        backward: another one, of the same output size.
        merge: ``concat``, ``sum``, ``average`` or ``multiply``: the plain functions of `Merge`.

    Attributes:
        output_size: 2H with ``concat``, H otherwise.

    Raises:
        ConfigError: there is no such merge.
        ValueError: a layer is not causal, or their sizes differ.
    """

    def __init__(self, forward: Layer, backward: Layer, merge: str = "concat") -> None:
        super().__init__()
        if not (forward.causal and backward.causal):
            raise ValueError("Bidirectional wraps two causal layers; one of these is not causal.")
        if forward.output_size != backward.output_size:
            raise ValueError(
                f"The forward layer gives {forward.output_size} values a step, the backward layer "
                f"{backward.output_size}; give both the same size."
            )
        self.forward_layer = forward
        self.backward_layer = backward
        self.merge = merge_named(merge)
        self.output_size = merged_size(merge, forward.output_size)

    def directions(self, values: Tensor, lengths: Tensor) -> tuple[LayerOutput, LayerOutput]:
        """Return what each direction gives, unmerged, both in the order of the input."""
        index = reversal_index(lengths, values.shape[1], values.device)
        ahead = self.forward_layer(values, lengths)
        back = self.backward_layer(reverse_by(values, index), lengths)
        return ahead, LayerOutput(reverse_by(back.outputs, index), back.summary, back.finish)

    def forward(self, values: Tensor, lengths: Tensor, state: State | None = None) -> LayerOutput:
        """Read a batch, (B, T, D), in both directions.

        ``finish`` gives the pair of the two layers' states: forward's after the last step,
        backward's after the first.

        Raises:
            ValueError: a state was given; a backward direction has nothing to go on from.
        """
        if state is not None:
            _refuse_state()
        ahead, back = self.directions(values, lengths)
        merge = merge_function(self.merge)
        return LayerOutput(
            merge(ahead.outputs, back.outputs),
            merge(ahead.summary, back.summary),
            lambda: (ahead.finish(), back.finish()),
        )

    def extra_repr(self) -> str:
        """Return the merge for the module's printed form."""
        return f"merge={self.merge}"


def _refuse_state() -> NoReturn:
    raise ValueError(
        "A state was given to a bidirectional layer, whose backward direction starts at the "
        "sequence's end: it cannot go on from a state. Use a causal layer (lstm, gru, rnn)."
    )
