"""The distinct spellings of a batch, so that each is computed once."""

from __future__ import annotations

import torch
from torch import Tensor

MULTIPLIER = 6364136223846793005
"""Of Knuth's MMIX generator; for a hash, any odd number of 63 bits will do."""


def distinct_rows(spellings: Tensor) -> tuple[Tensor, Tensor]:
    """Return the distinct rows (U, W) of spellings (N, W), and the place (N,) of each among them.

    Rows may occur twice: those whose hash equals that of another one.
    """
    weights = torch.cumprod(spellings.new_full((spellings.shape[1],), MULTIPLIER), 0)
    _, place = torch.unique((spellings * weights).sum(1), return_inverse=True)
    everywhere = torch.arange(len(place), device=place.device)
    first = place.new_empty(int(place.max()) + 1).scatter_(0, place, everywhere)
    rows = spellings[first]
    if not torch.equal(rows[place], spellings):  # two spellings have the same hash
        return spellings, everywhere
    return rows, place
