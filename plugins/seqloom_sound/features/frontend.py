"""The frontend ``log_mel``: features of sounds, with their slopes and neighbours."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from seqloom.interfaces import Features, Frontend, Inputs
from seqloom_sound.features.codec import LogMelCodec


class LogMelFrontend(Frontend):
    """Frontend that returns the features of the codec; it has no weights.

    Slopes and stacked frames are computed here, after augmentation.

    Args:
        codec: Fitted codec.
        params: Parameters of the component; see `LogMel`.

    Attributes:
        output_size: Number of bands, doubled with ``deltas``, times ``stack``.
    """

    def __init__(self, codec: LogMelCodec, **params: Any) -> None:
        super().__init__()
        self.params = codec.params
        self.output_size = self.params.bands * (1 + self.params.deltas) * self.params.stack

    @classmethod
    def make_codec(cls, **params: Any) -> LogMelCodec:
        """Return an unfitted codec for the component's parameters.

        Raises:
            ConfigError: If a parameter is out of range.
        """
        return LogMelCodec(**params)

    def forward(self, inputs: Inputs) -> Features:
        """Return the features, (B, ceil(T / stride), output_size)."""
        values, lengths = inputs["log_mel"], inputs.lengths["log_mel"]
        if self.params.deltas:
            values = torch.cat([values, slopes(values, lengths)], dim=-1)
        if self.params.stack > 1:
            shifts = [shifted(values, lengths, by) for by in range(self.params.stack)]
            values = torch.cat(shifts, dim=-1)
        stride = self.params.stride
        return Features(values[:, ::stride], (lengths + stride - 1) // stride)


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
