"""Batch normalisation of feature maps whose rows are padded."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn


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
    """Return (C,) values so that they stand against (B, C, H, W) maps."""
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
