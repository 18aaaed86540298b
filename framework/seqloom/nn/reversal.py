"""Reversal of each sequence of a padded batch within its length.

A causal layer that reads the reversed batch starts at the last real step of every sequence and sees
the padding only at the end: a backward direction without packed sequences.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from seqloom.nn.mask import is_full


def reversal_index(lengths: Tensor, size: int, device: torch.device | str) -> Tensor | None:
    """Return the index of each step of the reversed batch in the flattened batch.

    Args:
        lengths: (B,) int64 on the CPU.
        size: T, the padded length.
        device: Device of the batch.

    Returns:
        (B · T,) int64, or None if no row is padded, where a plain flip gives the same.
    """
    if is_full(lengths, size):
        return None
    steps = torch.arange(size, device=lengths.device)
    mirrored = lengths.unsqueeze(1) - 1 - steps  # (B, T), below zero in the padding
    within = torch.where(mirrored >= 0, mirrored, steps)
    rows = torch.arange(0, lengths.numel() * size, size, device=lengths.device).unsqueeze(1)
    return (within + rows).view(-1).to(device, non_blocking=True)


class _Reverse(torch.autograd.Function):
    """Reversal whose gradient is again a reversal, its own inverse, so no scatter is needed."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, index: Tensor) -> Tensor:
        ctx.save_for_backward(index)
        return values.flatten(0, 1).index_select(0, index).view_as(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (index,) = ctx.saved_tensors
        return reverse_by(gradients[0], index), None


def reverse_by(values: Tensor, index: Tensor | None) -> Tensor:
    """Return (B, T, D) values reversed by an index of ``reversal_index``."""
    if index is None:
        return values.flip(1)
    reversed_values: Tensor = _Reverse.apply(values, index)  # type: ignore[no-untyped-call]
    return reversed_values


def reverse_within_lengths(values: Tensor, lengths: Tensor) -> Tensor:
    """Return (B, T, D) values with the real steps of each row reversed; the padding stays in place.

    >>> reverse_within_lengths(torch.arange(8.0).view(2, 4, 1), torch.tensor([4, 2])).squeeze(2)
    tensor([[3., 2., 1., 0.],
            [5., 4., 6., 7.]])
    """
    return reverse_by(values, reversal_index(lengths, values.shape[1], values.device))
