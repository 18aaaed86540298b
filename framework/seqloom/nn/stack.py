"""A stack of layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from torch import Tensor, nn

from seqloom.interfaces.encoder import State
from seqloom.nn.dropout import Dropout, LockedDropout
from seqloom.nn.layer import Layer, LayerOutput


class Stack(Layer):
    """Applies layers in sequence, with dropout between them but not before or after.

    It is causal if all its layers are. Its state is the tuple of its layers' states in order; its
    summary is that of the last layer.

    Args:
        layers: At least one layer; each reads the output of the one before.
        dropout: Dropout probability between layers, in [0, 1).
        locked: Whether to use one mask for all steps of a sequence (`LockedDropout`) rather than
            one for each step.

    Raises:
        ValueError: There are no layers, or ``dropout`` is outside [0, 1).
    """

    def __init__(self, layers: Sequence[Layer], dropout: float = 0.0, locked: bool = True) -> None:
        super().__init__()
        if not layers:
            raise ValueError("A stack needs at least one layer.")
        self.layers = nn.ModuleList(layers)
        self.dropout = LockedDropout(dropout) if locked else Dropout(dropout)
        self.output_size = layers[-1].output_size
        self.causal = all(layer.causal for layer in layers)

    def _layers(self) -> list[Layer]:
        return cast("list[Layer]", list(self.layers))

    def forward(self, values: Tensor, lengths: Tensor, state: State | None = None) -> LayerOutput:
        """Read a batch, (B, T, D)."""
        finishes: list[Callable[[], State]] = []
        for depth, layer in enumerate(self.layers):
            if depth:
                values = self.dropout(values)
            given: LayerOutput = layer(values, lengths, None if state is None else state[depth])
            values = given.outputs
            finishes.append(given.finish)
        return LayerOutput(values, given.summary, lambda: tuple(finish() for finish in finishes))

    def initial_state(self, batch_size: int) -> State:
        """Return each layer's state before the first step, for B sequences."""
        return tuple(layer.initial_state(batch_size) for layer in self._layers())

    def step(self, values: Tensor, state: State) -> tuple[Tensor, State]:
        """Read one step, (B, D), and return the last layer's output, (B, H), and the new states.

        Equal to ``forward`` in eval mode; in training each step draws its own dropout mask.
        """
        states = []
        for depth, (layer, before) in enumerate(zip(self._layers(), state, strict=True)):
            if depth:
                values = self.dropout(values.unsqueeze(1)).squeeze(1)
            values, after = layer.step(values, before)
            states.append(after)
        return values, tuple(states)
