"""The frontend ``strokes``: pen strokes, point by point."""

from __future__ import annotations

from typing import Any

from seqloom.interfaces import Features, Frontend, Inputs
from seqloom_handwriting.strokes.codec import StrokeCodec


class StrokeFrontend(Frontend):
    """Gives the rows of the codec as they are; it has no weights.

    Args:
        codec: with its state.
        params: of the component; see ``seqloom_handwriting.schemas.frontends.PenStrokes``.

    Attributes:
        output_size: 3 for Δx, Δy and pen-up; 5 with x and y.
    """

    def __init__(self, codec: StrokeCodec, **params: Any) -> None:
        super().__init__()
        self.output_size = codec.columns

    @classmethod
    def make_codec(cls, **params: Any) -> StrokeCodec:
        """Return an unfitted codec for the component's parameters.

        Raises:
            ConfigError: a parameter is out of its range.
        """
        return StrokeCodec(**params)

    def forward(self, inputs: Inputs) -> Features:
        """Return the rows of ``strokes`` (B, T, D)."""
        return Features(inputs["strokes"], inputs.lengths["strokes"])
