"""The interface of an encoder: from feature vectors to states that know their context."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from seqloom.interfaces.frontend import Features

State = Any
"""State of an encoder between two steps: a tensor, or nested tuples of tensors, (B, …) each."""


def _stateless() -> State:
    return ()


@dataclass(slots=True)
class Encoded:
    """Output of an encoder and input of a head.

    Attributes:
        states: (B, T, H); values beyond a row's length are undefined.
        summary: (B, H), one vector for the whole sequence.
        lengths: (B,) int64 on the CPU.
        features: what the encoder read.
        finish: computes ``final_state``; only called when that is asked for, since on a ragged
            batch it can cost as much as the states.
    """

    states: Tensor
    summary: Tensor
    lengths: Tensor
    features: Features
    finish: Callable[[], State] = field(default=_stateless, repr=False)

    @property
    def final_state(self) -> State:
        """State after the last step of each sequence, from which encoding can be continued."""
        return self.finish()


class Encoder(nn.Module, ABC):
    """Gives a state for each step of a sequence, and a summary of the whole.

    Built as ``Encoder(input_size, **params)``.

    Attributes:
        output_size: H, known once it is built, before any data.
        causal: True if a state depends on its own and earlier steps only; then ``initial_state``
            and ``step`` exist and equal ``forward``.
    """

    output_size: int
    causal: bool = False

    @abstractmethod
    def forward(self, features: Features, state: State | None = None) -> Encoded:
        """Encode a batch, from ``state`` if it is given (causal encoders only).

        Raises:
            ValueError: the batch is empty, or a sequence has no step.
        """

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
