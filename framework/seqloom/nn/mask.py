"""Masks for the padding of a batch."""

from __future__ import annotations

import torch
from torch import Tensor


def length_mask(lengths: Tensor, size: int, device: torch.device | str | None = None) -> Tensor:
    """Return a bool mask, (B, size), that is True at each row's real steps.

    Args:
        lengths: (B,) int64.
        size: T, the padded length.
        device: Device of the mask; by default that of ``lengths``.

    >>> length_mask(torch.tensor([1, 3]), 3).int()
    tensor([[1, 0, 0],
            [1, 1, 1]], dtype=torch.int32)
    """
    mask = torch.arange(size, device=lengths.device) < lengths.unsqueeze(1)
    return mask if device is None else mask.to(device, non_blocking=True)


def is_full(lengths: Tensor, size: int) -> bool:
    """Return whether all rows of a batch, (B,) lengths on the CPU, are ``size`` steps long."""
    return int(lengths if lengths.numel() == 1 else lengths.min()) >= size


def zero_padding(values: Tensor, lengths: Tensor) -> Tensor:
    """Return (B, T, …) values with the padding set to zero.

    The padding is masked rather than multiplied by zero, so that NaN in it is also removed; its
    gradients are zero. A batch without padding is returned without a copy.

    >>> zero_padding(torch.tensor([[[1.0], [float("nan")]], [[2.0], [3.0]]]), torch.tensor([1, 2]))
    tensor([[[1.],
             [0.]],
    <BLANKLINE>
            [[2.],
             [3.]]])
    """
    if is_full(lengths, values.shape[1]):
        return values
    padding = ~length_mask(lengths, values.shape[1], values.device)
    return values.masked_fill(padding.view(*padding.shape, *[1] * (values.dim() - 2)), 0.0)
