"""The frontend ``features``: vectors as they are in the data."""

from __future__ import annotations

from typing import Any

from torch import nn

from seqloom.interfaces import Features, Frontend, Inputs
from seqloom.nn import zero_padding
from seqloom_handwriting.strokes.vectors_codec import VectorCodec


class VectorFrontend(Frontend):
    """Gives the vectors of the codec, or a linear projection of them.

    Args:
        codec: with its state.
        params: of the component; see ``seqloom_handwriting.schemas.frontends.Vectors``.

    Attributes:
        output_size: D, that of the vectors or of their projection.
    """

    def __init__(self, codec: VectorCodec, **params: Any) -> None:
        super().__init__()
        size = codec.params.size
        self.projection = nn.Linear(codec.columns, size) if size else None
        self.output_size = size or codec.columns

    @classmethod
    def make_codec(cls, **params: Any) -> VectorCodec:
        """Return an unfitted codec for the component's parameters.

        Raises:
            ConfigError: a parameter is out of its range.
        """
        return VectorCodec(**params)

    def forward(self, inputs: Inputs) -> Features:
        """Return the vectors of ``features`` (B, T, D)."""
        values, lengths = inputs["features"], inputs.lengths["features"]
        if self.projection is not None:
            values = self.projection(zero_padding(values, lengths))
        return Features(values, lengths)
