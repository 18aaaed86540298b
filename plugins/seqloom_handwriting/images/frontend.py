"""The frontend ``line_image``: convolutions over padded line images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import convert_conv2d_weight_memory_format

from seqloom.interfaces import Features, Frontend, Inputs
from seqloom.nn import LockedDropout, length_mask
from seqloom_handwriting.images.codec import LineImageCodec
from seqloom_handwriting.schemas.frontends import Pooling


class LineImageFrontend(Frontend):
    """Returns a vector for each column of a line's image after pooling.

    Args:
        codec: Codec with its state.
        params: Parameters; see ``seqloom_handwriting.schemas.frontends.LineImage``.

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
            ConfigError: A parameter is out of its range.
        """
        return LineImageCodec(**params)

    def forward(self, inputs: Inputs) -> Features:
        """Return the vectors of ``image`` (B, W, H)."""
        values, lengths = self.network(inputs["image"], inputs.lengths["image"])
        return Features(self.dropout(values), lengths)


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

        The result is zero there too, so the next convolution sees beyond a line's end what it
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
        height: Height of the images.
        channels: Channels of the convolutions.
        pooling: Pooling after each convolution.

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
            images: (B, W, H), 0 is paper; what is beyond a line's width does not matter.
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


class MaskedBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation whose statistics are those of the valid positions.

    Without a mask it is ``torch.nn.BatchNorm2d``, whose parameters and buffers it has. With one,
    padding counts neither in the batch's mean and variance nor in their gradients, and gives zero.
    """

    def forward(self, input: Tensor, keep: Tensor | None = None) -> Tensor:  # noqa: A002
        """Normalise maps.

        Args:
            input: (B, C, H, W); finite in the padding. With a mask, training overwrites it.
            keep: (B, 1, 1, W), 1 at valid positions and 0 at the others; None: all are valid.
        """
        if keep is None:
            return super().forward(input)
        if not self.training:
            return super().forward(input).mul_(keep)
        wide = torch.promote_types(input.dtype, torch.float32)
        keep = keep.to(wide)
        y, mean, variance, _ = _Normalise.apply(  # type: ignore[no-untyped-call]
            input.to(wide), self.weight.to(wide), self.bias.to(wide), keep, self.eps
        )
        self._remember(mean, variance, keep, input.shape[2])
        return cast(Tensor, y.to(input.dtype))

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, keep: Tensor, height: int) -> None:
        """Move the running statistics towards the batch's, the variance without bias."""
        count = keep.sum(dtype=torch.float32) * height
        unbiased = variance * (count / (count - 1).clamp(min=1))
        share = self.momentum or 0.0
        self.get_buffer("num_batches_tracked").add_(1)
        for name, found in (("running_mean", mean), ("running_var", unbiased)):
            buffer = self.get_buffer(name)
            buffer.lerp_(found.to(buffer), share)


class _Normalise(torch.autograd.Function):
    """y = weight · (x − mean) / √(variance + eps) + bias at the positions to keep, else 0.

    Ioffe and Szegedy 2015, "Batch normalization", algorithm 1 and the gradients below it. Written
    out because autograd would keep several more maps of this size; x itself becomes x − mean.
    """

    @staticmethod
    def forward(*args: Any) -> tuple[Tensor, ...]:
        """Return y, the mean and the variance (C,), and x − mean, for ctx and x to eps."""
        ctx, x, weight, bias, keep, eps = args
        count = keep.sum() * x.shape[2]
        mean = x.mul_(keep).sum((0, 2, 3)) / count
        centred = x.sub_(_spread(mean, keep))
        variance = _sums(centred, centred)[0] / count
        scale = torch.rsqrt(variance + eps)
        y = torch.addcmul(_spread(bias, keep), centred, _column(weight * scale))
        ctx.save_for_backward(centred, weight, scale, keep, count)
        ctx.mark_dirty(x)
        ctx.mark_non_differentiable(mean, variance)
        return y, mean, variance, centred

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of x, weight and bias."""
        centred, weight, scale, keep, count = ctx.saved_tensors
        grad = grads[0] * keep
        products, bias_grad = _sums(grad, centred)
        weight_grad = products * scale
        gain = weight * scale
        x_grad = grad.mul_(_column(gain))
        x_grad.addcmul_(centred, _column(-gain * scale * weight_grad / count))
        x_grad.sub_(_spread(gain * bias_grad / count, keep))
        return x_grad, weight_grad, bias_grad, None, None


def _column(values: Tensor) -> Tensor:
    """Return (C,) values so that they broadcast against (B, C, H, W) maps."""
    return values.view(1, -1, 1, 1)


def _spread(values: Tensor, keep: Tensor) -> Tensor:
    """Return (C,) values at the positions to keep and 0 at the others, (B, C, 1, W)."""
    return (_column(values) * keep).contiguous(memory_format=torch.channels_last)


def _sums(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sums over (B, H, W) of first · second and of first, (C,) each.

    The kernel of batch norm's gradients has these in one pass, without a map of the products.
    """
    zero = first.new_zeros(first.shape[1])
    _, products, sums = torch.ops.aten.native_batch_norm_backward(
        first, second, None, zero, zero + 1, None, None, False, 0.0, [False, True, True]
    )
    return products, sums
