"""Pieces of a right-padded batch that hold nearly all real steps and little else.

Sorted by length, the rows that have not ended yet are always the first ones. So a batch splits into
few dense pieces, each some steps of the first rows::

    row 0  ████████│████████│███      piece 1: 4 rows, 8 steps
    row 1  ████████│█████···│         piece 2: 2 rows, 8 steps
    row 2  ███████·│                  piece 3: 1 row,  3 steps
    row 3  ██████··│

Each piece is one call of a fused kernel, which starts from the state that the last one left.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

_KEPT = 0.5  # a piece ends when no more than this share of its rows is left,
_STEPS = 8  # but not before this many steps: each call has a fixed cost
_FULL = 0.8  # a batch with a larger share of real steps is not split


@dataclass(frozen=True)
class Piece:
    """A number of steps of a number of the longest rows."""

    rows: int
    steps: int


def split_batch(lengths: list[int]) -> list[Piece]:
    """Return the pieces of a batch with these lengths, longest first.

    >>> split_batch([19, 13, 7, 6])
    [Piece(rows=4, steps=8), Piece(rows=2, steps=8), Piece(rows=1, steps=3)]
    """
    pieces: list[Piece] = []
    start, rows, longest = 0, len(lengths), lengths[0]
    while start < longest:
        end = min(max(lengths[int(rows * _KEPT)], start + _STEPS), longest)
        pieces.append(Piece(rows, end - start))
        start = end
        rows = sum(length > start for length in lengths[:rows])
    return pieces


def is_worth_splitting(lengths: Tensor, size: int) -> bool:
    """Return whether a batch with these lengths, (B,), padded to ``size``, has much padding."""
    return int(lengths.sum()) < _FULL * lengths.numel() * size


def by_length(lengths: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the order of rows from the longest to the shortest, and the order that undoes it."""
    order = lengths.argsort(descending=True, stable=True)
    return order.to(device), order.argsort().to(device)


def split_steps(values: Tensor, pieces: list[Piece]) -> list[Tensor]:
    """Return the pieces of (B, T, D) values whose rows are sorted by length, each (rows, steps, D).

    Everything after the last piece is padding in every row.
    """
    steps = [piece.steps for piece in pieces]
    parts = torch.split(values, [*steps, values.shape[1] - sum(steps)], dim=1)
    return [part[: piece.rows] for piece, part in zip(pieces, parts, strict=False)]


def join_steps(parts: list[Tensor], rows: int, size: int) -> Tensor:
    """Return (B, T, H), the pieces side by side again with zeros around them."""
    level = torch.cat([F.pad(part, (0, 0, 0, 0, 0, rows - len(part))) for part in parts], dim=1)
    return F.pad(level, (0, 0, 0, size - level.shape[1]))
