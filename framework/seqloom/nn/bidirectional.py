"""A bidirectional layer made of two causal layers."""

from __future__ import annotations

from typing import NoReturn

from torch import Tensor

from seqloom.interfaces.encoder import State
from seqloom.nn.companion import single_thread
from seqloom.nn.layer import Layer, LayerOutput
from seqloom.nn.merge import MergeFunction, merge_function, merge_named, merged_size
from seqloom.nn.side_by_side import are_worth_two_threads, read_side_by_side


class Bidirectional(Layer):
    """Reads each sequence in both directions with two layers, and merges their outputs.

    The backward layer reads each sequence reversed within its length, so it starts at the last real
    step and never reads padding before it. Outputs are merged step by step, and also the summaries
    (forward's output at the last step, backward's at the first). Wrap each layer of a `Stack`, not
    the stack, so that the second layer reads both directions of the first (Schuster and Paliwal
    1997, "Bidirectional recurrent neural networks").

    On a CPU, if torch may use two threads or more, each direction of a large batch is computed on
    one of them (`seqloom.nn.side_by_side`).

    Args:
        forward: A causal layer.
        backward: A causal layer of the same output size.
        merge: ``concat``, ``sum``, ``average`` or ``multiply``, as in `Merge`.

    Attributes:
        output_size: 2H with ``concat``, H otherwise.

    Raises:
        ConfigError: ``merge`` is not one of these.
        ValueError: A layer is not causal, or the output sizes differ.
    """

    def __init__(self, forward: Layer, backward: Layer, merge: str = "concat") -> None:
        super().__init__()
        if not (forward.causal and backward.causal):
            raise ValueError("Bidirectional wraps two causal layers; one of these is not causal.")
        if forward.output_size != backward.output_size:
            raise ValueError(
                f"The output size of the forward layer is {forward.output_size}, of the backward "
                f"layer {backward.output_size}; expected the same size."
            )
        self.forward_layer = forward
        self.backward_layer = backward
        self.merge = merge_named(merge)
        self.output_size = merged_size(merge, forward.output_size)

    def directions(self, values: Tensor, lengths: Tensor) -> tuple[LayerOutput, LayerOutput]:
        """Return the output of each direction, unmerged, both in the order of the input."""
        if are_worth_two_threads(self.forward_layer, self.backward_layer, values):
            return read_side_by_side(self.forward_layer, self.backward_layer, values, lengths)
        return self._in_turn(values, lengths)

    def _in_turn(self, values: Tensor, lengths: Tensor) -> tuple[LayerOutput, LayerOutput]:
        ahead = self.forward_layer(values, lengths)
        return ahead, self.backward_layer.read_reversed(values, lengths)

    def forward(self, values: Tensor, lengths: Tensor, state: State | None = None) -> LayerOutput:
        """Read a batch, (B, T, D), in both directions.

        ``finish`` returns the pair of the two layers' states: forward's after the last step,
        backward's after the first.

        Raises:
            ValueError: A state was passed; the backward direction cannot continue from one.
        """
        if state is not None:
            _raise_for_state()
        merge = merge_function(self.merge)
        if not are_worth_two_threads(self.forward_layer, self.backward_layer, values):
            return _merged(merge, *self._in_turn(values, lengths))
        found = read_side_by_side(self.forward_layer, self.backward_layer, values, lengths)
        with single_thread():
            return _merged(merge, *found)

    def explain(self, values: Tensor, lengths: Tensor) -> str:
        """Return how each direction would compute a batch, and whether on two threads."""
        layers = (self.forward_layer, self.backward_layer)
        paths = " + ".join(dict.fromkeys(one.explain(values, lengths) for one in layers))
        return (
            f"{paths}, side by side"
            if are_worth_two_threads(self.forward_layer, self.backward_layer, values)
            else paths
        )

    def extra_repr(self) -> str:
        """Return the merge for ``repr``."""
        return f"merge={self.merge}"


def _merged(merge: MergeFunction, ahead: LayerOutput, back: LayerOutput) -> LayerOutput:
    return LayerOutput(
        merge(ahead.outputs, back.outputs),
        merge(ahead.summary, back.summary),
        lambda: (ahead.finish(), back.finish()),
    )


def _raise_for_state() -> NoReturn:
    raise ValueError(
        "A bidirectional layer cannot continue from a state: its backward direction starts at the "
        "end of the sequence. Use a causal layer (lstm, gru, rnn)."
    )
