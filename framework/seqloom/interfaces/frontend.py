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
    """Output of a frontend and input of an encoder.

    Attributes:
        values: Feature vectors, (B, T, D); the padding has no meaning and may be NaN.
        lengths: Lengths, (B,) int64 on the CPU, each between 1 and T.
    """

    values: Tensor
    lengths: Tensor


class Frontend(nn.Module, ABC):
    """Base class of frontends: computes a sequence of feature vectors for each example.

    Built as ``Frontend(codec, **params)`` with a fitted codec.

    Attributes:
        output_size: Size D of the vectors, known once it is built.
    """

    output_size: int

    @classmethod
    @abstractmethod
    def make_codec(cls, **params: Any) -> FrontendCodec:
        """Return an unfitted codec for the component's parameters."""

    @abstractmethod
    def forward(self, inputs: Inputs) -> Features:
        """Return the features; their lengths must equal ``codec.frames`` of each example."""
