"""torch's Transformer encoder as an encoder of seqloom."""

from __future__ import annotations

from typing import NoReturn

from seqloom.checks import (
    check_count,
    check_features,
    check_option,
    check_probability,
)
from seqloom.errors import ConfigError
from seqloom.interfaces import Encoded, Encoder, Features, State
from seqloom.nn import length_mask, zero_padding
from torch import Tensor, nn

from seqloom_transformer import Summary
from seqloom_transformer.positions import sinusoids


class TransformerEncoder(Encoder):
    """Layers of self-attention over all steps at once: (B, T, D) → (B, T, H).

    Wraps ``torch.nn.TransformerEncoder`` (BSD-3-Clause) with layer norm before each block (Xiong et
    al. 2020, "On layer normalization in the Transformer architecture"), GELU, and sinusoidal
    positions. Inputs are projected to H and normalized first, so that they are as large as the
    positions, whatever the scale of the frontend. A step attends only to real steps of its own
    sequence.

    The encoder is not causal: it has neither a state nor ``step``.

    Args:
        input_size: Size D of the inputs.
        hidden_size: Size H of a state; a multiple of ``heads``.
        num_layers: Number of layers.
        heads: Number of attention heads.
        feedforward_size: Units of the feed-forward blocks.
        dropout: Dropout probability, in [0, 1).
        summary: ``mean`` of the states, or the ``first`` one.

    Raises:
        ConfigError: If a parameter is out of range.
    """

    def __init__(
        self,
        input_size: int,
        *,
        hidden_size: int = 128,
        num_layers: int = 2,
        heads: int = 4,
        feedforward_size: int = 256,
        dropout: float = 0.1,
        summary: str = Summary.mean,
    ) -> None:
        super().__init__()
        check_count("encoder.hidden_size", hidden_size)
        check_count("encoder.num_layers", num_layers)
        check_count("encoder.heads", heads)
        check_count("encoder.feedforward_size", feedforward_size)
        check_probability("encoder.dropout", dropout)
        check_option("encoder.summary", summary, Summary)
        _check_heads(hidden_size, heads)
        self.output_size = hidden_size
        self.summary = Summary(summary)
        same = input_size == hidden_size
        self.project = nn.Identity() if same else nn.Linear(input_size, hidden_size)
        self.norm = nn.LayerNorm(hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.layers = _layers(hidden_size, num_layers, heads, feedforward_size, dropout)

    def forward(self, features: Features, state: State | None = None) -> Encoded:
        """Encode a batch.

        Raises:
            ValueError: If the batch is empty, a sequence has no steps, or a state was passed.
        """
        if state is not None:
            _refuse_state()
        check_features(features)
        lengths = features.lengths
        values = self.norm(self.project(zero_padding(features.values, lengths)))  # (B, T, H)
        steps = values.shape[1]
        values = self.dropout(values + sinusoids(steps, self.output_size, values))
        padding = ~length_mask(lengths, steps, values.device)
        states = self.layers(values, src_key_padding_mask=padding)
        return Encoded(states, self._summary(states, lengths), lengths, features)

    def _summary(self, states: Tensor, lengths: Tensor) -> Tensor:
        if self.summary is Summary.first:
            return states[:, 0]
        sizes = lengths.to(states.device, states.dtype).unsqueeze(1)
        return zero_padding(states, lengths).sum(1) / sizes


def _check_heads(hidden_size: int, heads: int) -> None:
    if hidden_size % heads:
        near = max(heads, round(hidden_size / heads) * heads)
        raise ConfigError(
            f"encoder.hidden_size={hidden_size} is not a multiple of encoder.heads={heads}. Set "
            f"encoder.hidden_size={near}, for example, or another number of heads."
        )


def _layers(
    hidden_size: int, num_layers: int, heads: int, feedforward_size: int, dropout: float
) -> nn.TransformerEncoder:
    layer = nn.TransformerEncoderLayer(
        hidden_size,
        heads,
        feedforward_size,
        dropout,
        activation="gelu",
        batch_first=True,
        norm_first=True,
    )
    layers = nn.TransformerEncoder(
        layer, num_layers, nn.LayerNorm(hidden_size), enable_nested_tensor=False
    )
    for weight in layers.parameters():
        if weight.dim() > 1:  # torch copies one layer, so all have the same weights
            nn.init.xavier_uniform_(weight)
    return layers


def _refuse_state() -> NoReturn:
    raise ValueError(
        "A state was passed to a Transformer encoder, which cannot continue from a state: it reads "
        "whole sequences. Use a causal encoder (lstm, gru, rnn)."
    )
