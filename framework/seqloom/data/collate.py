"""Put encoded examples together into one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from seqloom.interfaces import Arrays, Example, SequenceBatch


@dataclass(slots=True)
class EncodedExample:
    """One example with its arrays: the frontend's by name, each head's as ``head/name``."""

    example: Example
    item: Arrays
    cost: int = 0
    frames: int = 0


@dataclass(frozen=True)
class Collate:
    """Pads rows into a `SequenceBatch`; ``padding`` by array name, 0 where not named."""

    padding: Mapping[str, float] = field(default_factory=dict)

    def __call__(self, rows: Sequence[EncodedExample], weight: float = 1.0) -> SequenceBatch:
        """Return the batch of these rows, in this order."""
        names = rows[0].item
        arrays = {name: [row.item[name] for row in rows] for name in names}
        return SequenceBatch(
            tensors={name: pad(arrays[name], self.padding.get(name, 0)) for name in names},
            lengths={
                name: torch.tensor([len(array) for array in arrays[name]], dtype=torch.int64)
                for name in names
                if arrays[name][0].ndim
            },
            ids=[row.example.id for row in rows],
            origins=[row.example.origin for row in rows],
            weight=weight,
        )


def pad(arrays: Sequence[np.ndarray], value: float) -> Tensor:
    """Return arrays of one rank stacked, (B, …), padded at the end of every axis.

    >>> pad([np.array([1, 2]), np.array([3])], 0)
    tensor([[1, 2],
            [3, 0]])
    """
    if arrays[0].ndim == 0:
        return torch.from_numpy(np.stack(arrays))
    shape = np.max([array.shape for array in arrays], axis=0).astype(int)
    padded = np.full((len(arrays), *shape), value, dtype=arrays[0].dtype)
    for row, array in zip(padded, arrays, strict=True):
        row[tuple(map(slice, array.shape))] = array
    return torch.from_numpy(padded)
