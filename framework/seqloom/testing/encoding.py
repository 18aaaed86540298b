"""How the checks of encoders build one, feed it, and sum up what it gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from seqloom.interfaces import Encoded, Encoder, Features
from seqloom.testing.samples import LENGTHS, features

SIZE = 6

MakeEncoder = Callable[[int], Encoder]
"""From an input size to a new encoder."""

ROWS = range(len(LENGTHS))


def made(make: MakeEncoder) -> Encoder:
    """Return a new encoder in eval mode, the same each time."""
    torch.manual_seed(1)
    return make(SIZE).eval()


def alone(given: Features, row: int) -> Features:
    """Return one row without its padding."""
    length = int(given.lengths[row])
    return Features(given.values[row : row + 1, :length], given.lengths[row : row + 1])


def chosen(given: Features, rows: Sequence[int]) -> Features:
    """Return some rows in this order."""
    return Features(given.values[list(rows)], given.lengths[list(rows)])


def signal(encoded: Encoded, rows: Sequence[int] = ROWS) -> Tensor:
    """Return a scalar that weighs every valid state and summary of rows differently."""
    total = encoded.states.new_zeros((), requires_grad=True)  # it may have no weights
    for place, row in enumerate(rows):
        length = int(encoded.lengths[place])
        states = encoded.states[place, :length]
        weights = torch.arange(1.0, states.numel() + 1, device=states.device).reshape(states.shape)
        total = (
            total + (row + 1) * (states * weights.sin()).sum() + encoded.summary[place].cos().sum()
        )
    return total


def outputs(encoder: Encoder, given: Features | None = None) -> Tensor:
    """Return all valid states and the summaries of a batch, one below the other."""
    given = given or features(SIZE)
    encoded = encoder(given)
    rows = [encoded.states[row, :length] for row, length in enumerate(given.lengths.tolist())]
    return torch.cat([*rows, encoded.summary])
