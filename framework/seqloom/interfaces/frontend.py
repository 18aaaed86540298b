"""The interface of a frontend: from a batch to feature vectors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from seqloom.interfaces.batch import Inputs
from seqloom.interfaces.codec import FrontendCodec


@dataclass(slots=True)
class Features:
    """What a frontend gives and an encoder takes.

    Attributes:
        values: (B, T, D); what stands beyond a row's length has no meaning, and may be NaN.
        lengths: (B,) int64 on the CPU, each between 1 and T.
    """

    values: Tensor
    lengths: Tensor


class Frontend(nn.Module, ABC):
    """Gives a sequence of feature vectors for each example.

    Built as ``Frontend(codec, **params)`` with a codec that has its state.

    Attributes:
        output_size: D, known once it is built.
    """

    output_size: int

    @classmethod
    @abstractmethod
    def make_codec(cls, **params: Any) -> FrontendCodec:
        """Return an unfitted codec for the component's parameters."""

    @abstractmethod
    def forward(self, inputs: Inputs) -> Features:
        """Return the features; ``features.lengths`` equals ``codec.frames`` of each item."""
