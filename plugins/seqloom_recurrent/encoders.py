"""The six encoders: three cells, in one direction or in two."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from seqloom.checks import check_count, check_features, check_option, check_probability
from seqloom.interfaces import Encoded, Encoder, Features, State
from seqloom.nn import (
    Bidirectional,
    GRULayer,
    Layer,
    LayerOutput,
    LSTMLayer,
    Merge,
    RNNLayer,
    Stack,
    zero_padding,
)
from seqloom_recurrent import Nonlinearity

logger = logging.getLogger("seqloom")

_CALIBRATION_BATCH = (16, 16)  # sequences, steps


class Recurrent(Encoder):
    """Recurrent layers on top of one another: (B, T, D) → (B, T, H).

    Its state, for ``forward``, ``step`` and ``final_state``, is the tuple of its layers' states,
    the lowest first: h, (B, H), of rnn and gru; (h, c) of lstm.

    Args:
        input_size: D.
        hidden_size: Units of a layer, per direction.
        num_layers: Number of layers.
        dropout: Probability of zeroing a value between two layers, in [0, 1).
        locked_dropout: Whether to use one mask for all steps of a sequence.
        cell: Parameters of the kind of layer: ``nonlinearity``, ``forget_bias``.

    Raises:
        ConfigError: A parameter is out of range; the message has its key.
    """

    layer_class: ClassVar[Callable[..., Layer]]

    def __init__(
        self,
        input_size: int,
        hidden_size: int = 128,
        num_layers: int = 1,
        dropout: float = 0.0,
        locked_dropout: bool = True,
        **cell: Any,
    ) -> None:
        super().__init__()
        check_count("encoder.hidden_size", hidden_size)
        check_count("encoder.num_layers", num_layers)
        check_probability("encoder.dropout", dropout)
        if dropout and num_layers == 1:
            # Not an error: models are stored that were trained so.
            logger.warning(
                "encoder.dropout=%s changes nothing with encoder.num_layers=1: it is the dropout "
                "between two layers. The frontend and the head have dropouts of their own.",
                dropout,
            )
        layers: list[Layer] = []
        for _ in range(num_layers):
            size = layers[-1].output_size if layers else input_size
            layers.append(self._layer(size, hidden_size, **cell))
        self.stack = Stack(layers, dropout, locked_dropout)
        self.output_size = self.stack.output_size
        self.causal = self.stack.causal

    def _layer(self, input_size: int, hidden_size: int, **cell: Any) -> Layer:
        return self.layer_class(input_size, hidden_size, **cell)

    def forward(self, features: Features, state: State | None = None) -> Encoded:
        """Encode a batch, starting from ``state`` or from zeros.

        Raises:
            ValueError: The batch is empty, a sequence has no steps, or a bidirectional encoder got
                a state.
        """
        values, lengths = features.values, features.lengths
        if not check_features(features):
            values = zero_padding(values, lengths)
        given = self.stack(values, lengths, state)
        return Encoded(given.outputs, given.summary, lengths, features, given.finish)

    def initial_state(self, batch_size: int) -> State:
        """Return zeros for each layer; causal encoders only."""
        return self.stack.initial_state(batch_size) if self.causal else super().initial_state(0)

    def step(self, values: Tensor, state: State) -> tuple[Tensor, State]:
        """Read one step, (B, D), and return its output, (B, H), with the state; causal only."""
        return self.stack.step(values, state) if self.causal else super().step(values, state)


class RNN(Recurrent):
    """Simple recurrent network; ``nonlinearity`` is ``tanh`` or ``relu``."""

    layer_class = RNNLayer

    def _layer(self, input_size: int, hidden_size: int, **cell: Any) -> Layer:
        nonlinearity = cell.get("nonlinearity", Nonlinearity.tanh)
        check_option("encoder.nonlinearity", nonlinearity, Nonlinearity)
        return super()._layer(input_size, hidden_size, **cell)


class LSTM(Recurrent):
    """Long short-term memory; ``forget_bias`` is the forget gate's bias at initialisation."""

    layer_class = LSTMLayer


class GRU(Recurrent):
    """Gated recurrent unit."""

    layer_class = GRULayer


class ScaledProduct(Layer):
    """A bidirectional layer whose merged outputs, f ⊙ b, are multiplied by a constant.

    The states of a recurrent layer are bounded and, at first, small: if f and b have standard
    deviation s, f ⊙ b has about s², and the gradients that come back through it shrink by s as
    well. One learning rate then does not suit both ``multiply`` and ``concat``, and a second layer
    reads almost nothing. The constant 1 / s corrects both. It is measured once, on standard
    normal noise when the encoder is built, so that it holds for any cell and size; it is a buffer,
    not trained, stored with the weights. With ``scale`` set to 1 the layer is Keras' ``mul``.

    Args:
        layer: Layer that merges by ``multiply``.

    Attributes:
        scale: Constant, a 0-d tensor; 1 until it is calibrated.
    """

    scale: Tensor

    def __init__(self, layer: Bidirectional) -> None:
        super().__init__()
        self.layer = layer
        self.output_size = layer.output_size
        self.register_buffer("scale", torch.ones(()))

    @torch.no_grad()
    def calibrate(self, values: Tensor) -> Tensor:
        """Set the scale so that outputs have the root mean square that ``concat`` would have.

        Args:
            values: (B, T, D), typical inputs of the layer.

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

    def explain(self, values: Tensor, lengths: Tensor) -> str:
        """Return how each direction would compute a batch."""
        return self.layer.explain(values, lengths)


def _calibrate(layers: list[ScaledProduct], input_size: int) -> None:
    """Calibrate stacked layers, from the lowest, with the same noise every time."""
    noise = torch.Generator().manual_seed(0)
    # torch.randn draws the same, but imports torch's compiler where a bundle is built.
    values = torch.empty(*_CALIBRATION_BATCH, input_size).normal_(generator=noise)
    for layer in layers:
        values = layer.calibrate(values)


class BidirectionalRecurrent(Recurrent):
    """Each layer reads in both directions and merges the outputs before the next one reads them.

    (B, T, D) → (B, T, 2H) if ``merge`` is ``concat``, (B, T, H) otherwise. The summary merges, in
    the same way, the forward direction's last step with the backward direction's first. The final
    state has a pair for each layer, forward and backward; it cannot be continued from.

    The merges differ in scale, so one learning rate may not suit them all. At initialisation, on
    standard normal input, the outputs of a bilstm (128 → 128 a direction) have these standard
    deviations, and its recurrent weights gradients in this proportion:

    ==========  =======  =====  =======  ====================  ==================
    merge       concat   sum    average  multiply (scaled)     the plain product
    ==========  =======  =====  =======  ====================  ==================
    outputs     0.175    0.247  0.123    0.181                 0.031
    gradients   1        1.02   0.51     1.05                  0.18
    ==========  =======  =====  =======  ====================  ==================

    Products of products would vanish in a stack; ``multiply`` is therefore scaled by a constant
    for each layer, see `ScaledProduct`. With ``scale`` set to 1 it is Keras' ``mul``.
    """

    def __init__(
        self, input_size: int, hidden_size: int = 128, merge: str = "concat", **params: Any
    ) -> None:
        check_option("encoder.merge", merge, Merge)
        super().__init__(input_size, hidden_size, merge=merge, **params)
        products = [one for one in self.modules() if isinstance(one, ScaledProduct)]
        _calibrate(products, input_size)

    def _layer(self, input_size: int, hidden_size: int, **cell: Any) -> Layer:
        merge = cell.pop("merge")
        forward = super()._layer(input_size, hidden_size, **cell)
        backward = super()._layer(input_size, hidden_size, **cell)
        layer = Bidirectional(forward, backward, merge)
        return ScaledProduct(layer) if layer.merge is Merge.multiply else layer


class BiRNN(BidirectionalRecurrent, RNN):
    """Simple recurrent network in both directions."""


class BiLSTM(BidirectionalRecurrent, LSTM):
    """Long short-term memory in both directions."""


class BiGRU(BidirectionalRecurrent, GRU):
    """Gated recurrent unit in both directions."""
