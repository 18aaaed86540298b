"""The frontend ``line_image``: convolutions over the image of a line."""

from __future__ import annotations

from typing import Any

from seqloom.interfaces import Features, Frontend, Inputs
from seqloom.nn import LockedDropout
from seqloom_handwriting.images.codec import LineImageCodec
from seqloom_handwriting.images.network import LineNetwork


class LineImageFrontend(Frontend):
    """Gives a vector for each column of a line's image after pooling.

    Args:
        codec: with its state.
        params: of the component; see ``seqloom_handwriting.schemas.frontends.LineImage``.

    Attributes:
        output_size: D, the last convolution's channels times the height that is left.
    """

    def __init__(self, codec: LineImageCodec, **params: Any) -> None:
        super().__init__()
        options = codec.params
        self.network = LineNetwork(options.height, options.channels, codec.pooling)
        self.dropout = LockedDropout(options.dropout)
        self.output_size = self.network.output_size

    @classmethod
    def make_codec(cls, **params: Any) -> LineImageCodec:
        """Return an unfitted codec for the component's parameters.

        Raises:
            ConfigError: a parameter is out of its range.
        """
        return LineImageCodec(**params)

    def forward(self, inputs: Inputs) -> Features:
        """Return the vectors of ``image`` (B, W, H)."""
        values, lengths = self.network(inputs["image"], inputs.lengths["image"])
        return Features(self.dropout(values), lengths)
