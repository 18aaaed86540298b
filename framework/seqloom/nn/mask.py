"""Which steps of a padded batch are real, and how the others are silenced."""

from __future__ import annotations

import torch
from torch import Tensor


def length_mask(lengths: Tensor, size: int, device: torch.device | str | None = None) -> Tensor:
    """Return a bool (B, size) that is True at each row's real steps.

    Args:
        lengths: (B,) int64.
        size: T, the padded length.
        device: where the mask is wanted; where ``lengths`` are by default.

    >>> length_mask(torch.tensor([1, 3]), 3).int()
    tensor([[1, 0, 0],
            [1, 1, 1]], dtype=torch.int32)
    """
    mask = torch.arange(size, device=lengths.device) < lengths.unsqueeze(1)
    return mask if device is None else mask.to(device, non_blocking=True)


def is_full(lengths: Tensor, size: int) -> bool:
    """Return whether no row of the batch, (B,) lengths on the CPU, is padded to ``size``."""
    return int(lengths.min()) >= size


def zero_padding(values: Tensor, lengths: Tensor) -> Tensor:
    """Return (B, T, …) values with zeros in place of the padding, whatever it held.

    A selection, not a product, since NaN times zero is NaN; so are the gradients: zero in the
    padding. A batch without padding is returned as it is, not copied.

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
