"""The remedy for a product of two bounded states: it is too small."""

from __future__ import annotations

import torch
from torch import Tensor

from seqloom.interfaces import State
from seqloom.nn import Bidirectional, Layer, LayerOutput

_CALIBRATION_BATCH = (16, 16)  # sequences, steps


class ScaledProduct(Layer):
    """A bidirectional layer whose merged outputs, f ⊙ b, are multiplied by a constant.

    The states of a recurrent layer are bounded and, at first, small: if f and b have standard
    deviation s, f ⊙ b has about s², and the gradients that come back through it shrink by s as
    well. One learning rate then does not suit ``multiply`` and ``concat`` alike, and a second
    layer reads next to nothing. The constant 1 / s mends both. It is measured once, on standard
    normal noise when the encoder is built, so that it holds for any cell and size; it is a buffer,
    not trained, stored with the weights. With ``scale`` set to 1 the layer is Keras' ``mul``.

    Args:
        layer: merges by ``multiply``.

    Attributes:
        scale: the constant, a 0-d tensor; 1 until it is calibrated.
    """

    scale: Tensor

    def __init__(self, layer: Bidirectional) -> None:
        super().__init__()
        self.layer = layer
        self.output_size = layer.output_size
        self.register_buffer("scale", torch.ones(()))

    @torch.no_grad()
    def calibrate(self, values: Tensor) -> Tensor:
        """Set the scale so that outputs are, in root mean square, what ``concat`` would give.

        Args:
            values: (B, T, D), of the kind that the layer will read.

        Returns:
            The scaled outputs, (B, T, H), to calibrate the next layer with.
        """
        lengths = torch.full((values.shape[0],), values.shape[1])
        ahead, back = self.layer.directions(values, lengths)
        product = ahead.outputs * back.outputs
        both = torch.stack((ahead.outputs, back.outputs))
        scale = both.square().mean().sqrt() / product.square().mean().sqrt()
        if scale.isfinite():  # relu's product can be zero everywhere
            self.scale.copy_(scale)
        return product * self.scale

    def forward(self, values: Tensor, lengths: Tensor, state: State | None = None) -> LayerOutput:
        """Read a batch, (B, T, D), in both directions; see `Bidirectional`."""
        given = self.layer(values, lengths, state)
        scale = self.scale.to(given.outputs.dtype)
        return LayerOutput(given.outputs * scale, given.summary * scale, given.finish)


def calibrate(layers: list[ScaledProduct], input_size: int) -> None:
    """Calibrate layers that read one another, from the lowest, with the same noise each time."""
    noise = torch.Generator().manual_seed(0)
    values = torch.randn(*_CALIBRATION_BATCH, input_size, generator=noise)
    for layer in layers:
        values = layer.calibrate(values)
