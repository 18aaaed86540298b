"""Convolutions over time and bands that shorten a sequence.

The result for a sound does not depend on its batch: values beyond its end are zero before each
convolution, as at the edge of the maps, and the normalization is that of single steps.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import convert_conv2d_weight_memory_format

from seqloom.nn import is_full, length_mask, zero_padding

WIDTH = 3
"""Frames and bands that a convolution sees."""


class Convolution(nn.Module):
    """A 3×3 convolution that halves the bands, layer normalization of each step, ReLU.

    Args:
        inputs: Channels of its input.
        outputs: Channels of its output.
        bands: Bands of its input.
        stride: Input steps for each output step.
        causal: Whether it sees two steps before each, rather than one to either side.

    Attributes:
        bands: Bands of its output, half of those of the input, rounded up.
    """

    def __init__(self, inputs: int, outputs: int, bands: int, stride: int, causal: bool) -> None:
        super().__init__()
        self.stride, self.before = stride, WIDTH - 1 if causal else 0
        self.bands = -(-bands // 2)
        self.convolution = nn.Conv2d(
            inputs, outputs, WIDTH, (stride, 2), (0 if causal else 1, 1), bias=False
        )
        self.norm = nn.LayerNorm((self.bands, outputs))

    def forward(self, maps: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return maps and their lengths, ⌈T / stride⌉ each; what is beyond is zero.

        Args:
            maps: (B, T, F, C), zero beyond the lengths.
            lengths: (B,) int64 on the CPU.
        """
        if self.before:
            maps = F.pad(maps, (0, 0, 0, 0, self.before, 0))
        maps = self.convolved(maps)
        lengths = (lengths + self.stride - 1) // self.stride
        if is_full(lengths, maps.shape[1]):
            return maps, lengths
        keep = length_mask(lengths, maps.shape[1], maps.device).to(maps.dtype)
        return maps * keep[:, :, None, None], lengths

    def convolved(self, maps: Tensor) -> Tensor:
        """Return the result for maps, (B, T, F, C), with the steps before them if causal."""
        result = self.convolution(maps.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return F.relu(self.norm(result.contiguous()))


class Subsampling(nn.Module):
    """Convolutions and a linear projection.

    Args:
        inputs: Channels of the input.
        bands: Bands of the input.
        channels: Channels of the convolutions.
        factor: Frames for each step: 1, 2 or 4.
        size: Size of the projection; 0: none.
        causal: Whether no step sees a later frame.

    Attributes:
        output_size: Size of the vectors.
    """

    def __init__(
        self,
        inputs: int,
        bands: int,
        channels: Sequence[int],
        *,
        factor: int,
        size: int,
        causal: bool,
    ) -> None:
        super().__init__()
        layers: list[Convolution] = []
        for outputs in channels:
            stride, factor = (2, factor // 2) if factor > 1 else (1, 1)
            layers.append(Convolution(inputs, outputs, bands, stride, causal))
            inputs, bands = outputs, layers[-1].bands
        self.layers = nn.ModuleList(layers)
        self.projection = nn.Linear(inputs * bands, size) if size else None
        self.output_size = size or inputs * bands
        convert_conv2d_weight_memory_format(self, torch.channels_last)

    def forward(self, maps: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return vectors, (B, T', size), for maps (B, T, F, C), and their lengths."""
        maps = zero_padding(maps, lengths)
        for layer in self.layers:
            maps, lengths = layer(maps, lengths)
        return self.projected(maps), lengths

    def projected(self, maps: Tensor) -> Tensor:
        """Return the vectors of maps, (B, T, F, C)."""
        values = maps.flatten(2)
        return values if self.projection is None else self.projection(values)
