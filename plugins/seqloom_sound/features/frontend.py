"""The frontend ``log_mel``: features of sounds, with their slopes, neighbours or convolutions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from seqloom.interfaces import Features, Frontend, Inputs
from seqloom.nn import LockedDropout, zero_padding
from seqloom_sound.features.codec import LogMelCodec
from seqloom_sound.features.stream import LogMelStream
from seqloom_sound.features.subsampling import Subsampling


class LogMelFrontend(Frontend):
    """Frontend that returns the features of the codec, or the result of convolutions over them.

    Slopes, stacked frames and convolutions are computed here, after augmentation. Without
    convolutions it has no weights.

    Args:
        codec: Fitted codec.
        params: Parameters of the component; see `LogMel`.

    Attributes:
        codec: The codec.
        subsampling: Convolutions, or None.
        output_size: Size of the vectors; without convolutions the number of bands, doubled with
            ``deltas``, times ``stack``.
    """

    def __init__(self, codec: LogMelCodec, **params: Any) -> None:
        super().__init__()
        self.codec = codec
        self.params = options = codec.params
        planes = 1 + options.deltas
        self.output_size = options.bands * planes * options.stack
        self.subsampling: Subsampling | None = None
        if options.convolutions:
            self.subsampling = Subsampling(
                planes,
                options.bands,
                options.convolutions,
                factor=options.subsampling,
                size=options.size,
                causal=options.causal,
            )
            self.output_size = self.subsampling.output_size
        self.dropout = LockedDropout(options.dropout)

    @classmethod
    def make_codec(cls, **params: Any) -> LogMelCodec:
        """Return an unfitted codec for the component's parameters.

        Raises:
            ConfigError: If a parameter is out of range.
        """
        return LogMelCodec(**params)

    def forward(self, inputs: Inputs) -> Features:
        """Return the features, (B, T', output_size)."""
        values, lengths = inputs["log_mel"], inputs.lengths["log_mel"]
        if self.params.center:
            values = centered(values, lengths)
        if self.subsampling is not None:
            values, lengths = self.subsampling(self._planes(values, lengths), lengths)
            return Features(self.dropout(values), lengths)
        if self.params.deltas:
            values = torch.cat([values, slopes(values, lengths)], dim=-1)
        if self.params.stack > 1:
            shifts = [shifted(values, lengths, by) for by in range(self.params.stack)]
            values = torch.cat(shifts, dim=-1)
        stride = self.params.stride
        values, lengths = values[:, ::stride], (lengths + stride - 1) // stride
        return Features(self.dropout(values), lengths)

    def stream(self, rate: int | None = None) -> LogMelStream:
        """Return a stream, which computes the features of a sound that arrives in pieces.

        Args:
            rate: Samples per second of the sound; None: those of the model.

        Raises:
            ConfigError: If the frontend is not causal, or the rate is too low for its bands.
        """
        return LogMelStream(self, rate)

    def _planes(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Return the features, and their slopes, as maps of one or two channels, (B, T, F, C)."""
        planes = [values, slopes(values, lengths)] if self.params.deltas else [values]
        return torch.stack(planes, dim=-1)


def centered(values: Tensor, lengths: Tensor) -> Tensor:
    """Return the values, (B, T, D), with the mean of each column over its row subtracted."""
    total = zero_padding(values, lengths).sum(dim=1, keepdim=True)
    return values - total / lengths.to(values.device)[:, None, None]


def shifted(values: Tensor, lengths: Tensor, by: int) -> Tensor:
    """Return the values shifted in time: at t the value at t + by; the ends of a row are repeated.

    Args:
        values: Features, (B, T, D).
        lengths: Lengths, (B,), on the CPU.
        by: Number of steps; negative values shift to later times.
    """
    rows, steps = values.shape[:2]
    last = (lengths - 1).to(values.device).unsqueeze(1)
    places = torch.arange(steps, device=values.device) + by
    places = torch.minimum(places.clamp(min=0).expand(rows, steps), last)
    return values[torch.arange(rows, device=values.device).unsqueeze(1), places]


def slopes(values: Tensor, lengths: Tensor) -> Tensor:
    """Return the slope of each column, (B, T, D), by regression over two steps to either side.

    The formula is that of the HTK Book: Σ n (c[t + n] − c[t − n]) / 2 Σ n², n = 1, 2.
    """
    one = shifted(values, lengths, 1) - shifted(values, lengths, -1)
    two = shifted(values, lengths, 2) - shifted(values, lengths, -2)
    return (one + 2 * two) / 10
