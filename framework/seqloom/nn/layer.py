"""The interface of a layer: what `Bidirectional` wraps and `Stack` composes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torch import Tensor, nn

from seqloom.interfaces.encoder import State


@dataclass(slots=True)
class LayerOutput:
    """What a layer gives.

    Attributes:
        outputs: (B, T, H); finite in the padding if the layer's input was, but without meaning.
        summary: (B, H), one vector for the whole sequence: for a causal layer, the output at each
            sequence's own last step.
        finish: computes the state after each sequence's own last step; see `Encoded.finish`.
    """

    outputs: Tensor
    summary: Tensor
    finish: Callable[[], State] = field(repr=False)


class Layer(nn.Module, ABC):
    """Gives an output for each step of a sequence.

    Attributes:
        output_size: H, known once it is built.
        causal: True if an output depends on its own and earlier steps only; then ``initial_state``
            and ``step`` exist and equal ``forward``.
    """

    output_size: int
    causal: bool = False

    @abstractmethod
    def forward(self, values: Tensor, lengths: Tensor, state: State | None = None) -> LayerOutput:
        """Read a batch.

        Args:
            values: (B, T, D); the padding must be finite (`zero_padding`), and is otherwise without
                effect on the real steps and their gradients.
            lengths: (B,) int64 on the CPU, each between 1 and T.
            state: to go on from; causal layers only.
        """

    if TYPE_CHECKING:

        def __call__(
            self, values: Tensor, lengths: Tensor, state: State | None = None
        ) -> LayerOutput:
            """Read a batch; see ``forward``."""

    def initial_state(self, batch_size: int) -> State:
        """Return the state before the first step, for B sequences."""
        raise NotImplementedError(f"{type(self).__name__} is not causal: it has no step.")

    def step(self, values: Tensor, state: State) -> tuple[Tensor, State]:
        """Read one step, (B, D), and return its output, (B, H), with what to go on from."""
        raise NotImplementedError(f"{type(self).__name__} is not causal: it has no step.")
