"""Layer norm before a layer."""

from __future__ import annotations

from seqloom.interfaces import State
from seqloom.nn import Layer, LayerOutput
from torch import Tensor, nn


class Normalised(Layer):
    """Layer with normalized inputs: mean 0 and variance 1 over the D values of each step.

    Nothing in a minGRU layer restores a scale: its outputs are means of linear maps, smaller than
    its inputs, and smaller again after the next layer. With a norm before each layer, the depth,
    the merge and the frontend's scale matter less.

    Args:
        input_size: Size D of the inputs.
        layer: Layer that reads (B, T, D).
    """

    def __init__(self, input_size: int, layer: Layer) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(input_size)
        self.layer = layer
        self.output_size = layer.output_size
        self.causal = layer.causal

    def forward(self, values: Tensor, lengths: Tensor, state: State | None = None) -> LayerOutput:
        """Read a batch, (B, T, D); see the layer."""
        return self.layer(self.norm(values), lengths, state)

    def initial_state(self, batch_size: int) -> State:
        """Return the initial state of the layer."""
        return self.layer.initial_state(batch_size)

    def step(self, values: Tensor, state: State) -> tuple[Tensor, State]:
        """Read one step, (B, D); see the layer."""
        return self.layer.step(self.norm(values), state)
