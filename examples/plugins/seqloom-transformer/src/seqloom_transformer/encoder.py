"""torch's Transformer encoder, as an encoder of seqloom."""

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

    Around ``torch.nn.TransformerEncoder`` (BSD-3-Clause): layer norm before each part (Xiong et al.
    2020, "On layer normalization in the Transformer architecture"), GELU, sinusoidal positions.
    What comes in is brought to H and normalised first, so that it is as large as the positions,
    whatever the frontend's scale is. A step attends to the real steps of its own sequence only.

    It is not causal: it has neither state nor ``step``.

    Args:
        input_size: D.
        hidden_size: H.
        num_layers: how many.
        heads: of attention; H is a multiple of it.
        feedforward_size: units of the feed-forward parts.
        dropout: p, in [0, 1).
        summary: ``mean`` of the states, or the ``first``.

    Raises:
        ConfigError: a parameter is out of its range; the text has its key.
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
        fits = input_size == hidden_size
        self.project = nn.Identity() if fits else nn.Linear(input_size, hidden_size)
        self.norm = nn.LayerNorm(hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.layers = _layers(hidden_size, num_layers, heads, feedforward_size, dropout)

    def forward(self, features: Features, state: State | None = None) -> Encoded:
        """Encode a batch.

        Raises:
            ValueError: the batch is empty, a sequence has no step, or a state was given.
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
            f"encoder.hidden_size is {hidden_size}, which {heads} heads cannot share evenly. Make "
            f"it a multiple of encoder.heads, {near} say, or choose another number of heads."
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
        if weight.dim() > 1:  # torch copies one layer: all would start with the same weights
            nn.init.xavier_uniform_(weight)
    return layers


def _refuse_state() -> NoReturn:
    raise ValueError(
        "A state was given to a Transformer encoder, which reads whole sequences: it cannot go on "
        "from a state. Use a causal encoder (lstm, gru, rnn)."
    )
