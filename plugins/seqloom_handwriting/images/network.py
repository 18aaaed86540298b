"""Convolutions over padded line images."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import convert_conv2d_weight_memory_format

from seqloom.nn import length_mask
from seqloom_handwriting.images.norm import MaskedBatchNorm2d
from seqloom_handwriting.images.pooling import Pooling


class Layer(nn.Module):
    """A 3×3 convolution, max pooling, batch normalisation, leaky ReLU.

    Pooling comes before normalisation, which then has less to do.
    """

    def __init__(self, inputs: int, outputs: int, step: tuple[int, int]) -> None:
        super().__init__()
        self.step = step
        # The normalisation takes any constant away: a bias would do nothing.
        self.convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm = MaskedBatchNorm2d(outputs)

    def forward(self, maps: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return maps and widths for maps (B, C, H, W) that are zero beyond their widths (B,).

        What is given is zero there too, so the next convolution sees beyond a line's end what it
        sees beyond the edge of the maps.
        """
        maps = self.convolution(maps)
        if self.step != (1, 1):
            maps = F.max_pool2d(maps, self.step)
        # A pooled column that is valid in part is dropped, as at the edge of the maps.
        lengths = lengths // self.step[1]
        maps = self.norm(maps, _keep(lengths, maps))
        return F.leaky_relu(maps, inplace=True), lengths


def _keep(lengths: Tensor, maps: Tensor) -> Tensor | None:
    """Return the mask (B, 1, 1, W) of maps (B, C, H, W), or None if none of them is padded."""
    if int(lengths.min()) >= maps.shape[3]:
        return None
    mask = length_mask(lengths, maps.shape[3], maps.device)
    return mask.to(maps.dtype)[:, None, None]


class LineNetwork(nn.Module):
    """Reads line images, (B, W, H), as sequences of vectors, (B, T, D).

    Maps are (B, C, H, W) in channels-last memory, the fastest for convolutions of few channels.

    Args:
        height: of the images.
        channels: of the convolutions.
        pooling: after each of them.

    Attributes:
        output_size: D, the last convolution's channels times the height that is left.
    """

    def __init__(self, height: int, channels: Sequence[int], pooling: Pooling) -> None:
        super().__init__()
        inputs = [1, *channels]
        self.layers = nn.ModuleList(map(Layer, inputs, channels, pooling.steps))
        self.output_size = channels[-1] * (height // pooling.height)
        convert_conv2d_weight_memory_format(self, torch.channels_last)

    def forward(self, images: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return vectors (B, T, D) and their number (B,) for uint8 images and their widths.

        Args:
            images: (B, W, H), 0 is paper; what stands beyond a line's width does not matter.
            lengths: (B,) int64 on the CPU.
        """
        dtype = next(self.parameters()).dtype
        upright = images.transpose(1, 2).unsqueeze(1)
        maps = upright.to(dtype, memory_format=torch.contiguous_format).div_(255)
        keep = _keep(lengths, maps)
        if keep is not None:
            maps.mul_(keep)
        for layer in self.layers:
            maps, lengths = layer(maps, lengths)
        return maps.permute(0, 3, 2, 1).flatten(2), lengths
