"""The interface of the layers that `Bidirectional` wraps and `Stack` composes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torch import Tensor, nn

from seqloom.interfaces.encoder import State
from seqloom.nn.reversal import reversal_index, reverse_by


@dataclass(slots=True)
class LayerOutput:
    """The output of a layer.

    Attributes:
        outputs: (B, T, H); in the padding finite if the layer's input was, but meaningless.
        summary: (B, H), one vector per sequence: for a causal layer the output at the last real
            step.
        finish: Computes the state after the last real step of each sequence; see `Encoded.finish`.
    """

    outputs: Tensor
    summary: Tensor
    finish: Callable[[], State] = field(repr=False)


class Layer(nn.Module, ABC):
    """Base class of layers: one output for each step of a sequence.

    Attributes:
        output_size: H, set by the constructor.
        causal: Whether each output depends only on its own and earlier steps; then
            ``initial_state`` and ``step`` are implemented and equal ``forward``.
    """

    output_size: int
    causal: bool = False

    @abstractmethod
    def forward(self, values: Tensor, lengths: Tensor, state: State | None = None) -> LayerOutput:
        """Read a batch.

        Args:
            values: (B, T, D); the padding must be finite (`zero_padding`), and does not affect the
                real steps and their gradients.
            lengths: (B,) int64 on the CPU, each between 1 and T.
            state: State to continue from; causal layers only.
        """

    if TYPE_CHECKING:

        def __call__(
            self, values: Tensor, lengths: Tensor, state: State | None = None
        ) -> LayerOutput:
            """Read a batch; see ``forward``."""

    def read_reversed(self, values: Tensor, lengths: Tensor) -> LayerOutput:
        """Read each sequence from its last real step to its first, as a backward direction does.

        The outputs are in the order of the input; the summary is the output at the first step, and
        ``finish`` returns the state after it. Causal layers may have a faster way than reversals.

        Args:
            values: (B, T, D), as ``forward`` reads them.
            lengths: (B,) int64 on the CPU.
        """
        index = reversal_index(lengths, values.shape[1], values.device)
        found = self(reverse_by(values, index), lengths)
        return LayerOutput(reverse_by(found.outputs, index), found.summary, found.finish)

    def explain(self, values: Tensor, lengths: Tensor) -> str:
        """Return in a word or two how ``forward`` would compute a batch; empty: in its only way.

        `seqloom profile` shows it beside the time of the layer.

        Args:
            values: (B, T, D), as ``forward`` reads them.
            lengths: (B,) int64 on the CPU.
        """
        return ""

    def initial_state(self, batch_size: int) -> State:
        """Return the state before the first step, for B sequences."""
        raise NotImplementedError(
            f"{type(self).__name__} is not causal: it does not implement initial_state."
        )

    def step(self, values: Tensor, state: State) -> tuple[Tensor, State]:
        """Read one step, (B, D), and return its output, (B, H), and the new state."""
        raise NotImplementedError(
            f"{type(self).__name__} is not causal: it does not implement step."
        )
