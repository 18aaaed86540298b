"""Dropout with cheap random masks.

On a CPU, most of the time of dropout is spent on drawing one random number per element. Here each
64-bit draw is used as four 16-bit numbers, which rounds p to a multiple of 1/65536.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

_LEVELS = 1 << 16
_LOWEST = -(1 << 63)


def scaled_mask(shape: tuple[int, ...], p: float, like: Tensor) -> Tensor:
    """Return a mask of 0, with probability p, and 1 / (1 - p), with ``like``'s dtype and device."""
    dropped = round(p * _LEVELS)
    size = math.prod(shape)
    draws = torch.empty(-(-size // 4), dtype=torch.int64, device=like.device)
    draws.random_(_LOWEST, None)
    kept = draws.view(torch.int16)[:size].view(shape) >= dropped - _LEVELS // 2
    return kept.to(like.dtype).mul_(_LEVELS / (_LEVELS - dropped))


class Dropout(nn.Module):
    """Zeroes each element with probability p in training, and scales the others by 1 / (1 - p).

    Like ``torch.nn.Dropout``, with cheaper masks.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0.0 <= p < 1.0:
            raise ValueError(f"The dropout probability is {p}; expected a number in [0, 1).")
        self.p = p

    def mask_shape(self, values: Tensor) -> tuple[int, ...]:
        """Return the shape of the mask that (B, T, D) values are multiplied by."""
        return tuple(values.shape)

    def forward(self, values: Tensor) -> Tensor:
        """Return the values, (B, T, D), in training with some of them zeroed."""
        if not self.training or self.p == 0.0:
            return values
        return values * scaled_mask(self.mask_shape(values), self.p, values)

    def extra_repr(self) -> str:
        """Return p for ``repr``."""
        return f"p={self.p}"


class LockedDropout(Dropout):
    """Dropout of whole feature channels: one mask for all steps of a sequence.

    (B, T, D) → (B, T, D) with a mask of (B, 1, D). The mask is the same at all steps, so that a
    recurrent layer cannot average the noise out; Gal and Ghahramani 2016, "A theoretically
    grounded application of dropout in recurrent neural networks", section 4.

    >>> dropped = LockedDropout(0.5)(torch.ones(1, 3, 8))
    >>> bool((dropped == dropped[:, :1]).all())
    True
    """

    def mask_shape(self, values: Tensor) -> tuple[int, ...]:
        """Return (B, 1, D)."""
        return (values.shape[0], 1, values.shape[2])
