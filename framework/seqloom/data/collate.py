"""Collate encoded examples into batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from seqloom.interfaces import Arrays, Example, Inputs, SequenceBatch, Targets

Padding = Mapping[str, float]
"""Padding values by array name; 0 for arrays without one."""


@dataclass(slots=True)
class EncodedExample:
    """One example with its arrays.

    Attributes:
        example: The prepared example.
        inputs: Arrays of the frontend's codec.
        targets: Arrays of each head's codec, by the head's name; empty without targets.
        cost: Size of the example in a batch.
        frames: Number of steps of the frontend's output.
        whole: Whether the example has all the fields that it was read with.
        given: Arrays that a head may know when it predicts, by its name; see `HeadCodec.given`.
        terms: Number of terms of its loss, by which it counts in a step; see `HeadCodec.terms`.
    """

    example: Example
    inputs: Arrays
    targets: dict[str, Arrays] = field(default_factory=dict)
    cost: int = 0
    frames: int = 0
    whole: bool = True
    given: dict[str, Arrays] = field(default_factory=dict)
    terms: int = 1


@dataclass(frozen=True)
class Collate:
    """Pads encoded examples into a `SequenceBatch`.

    Attributes:
        inputs: Padding of the frontend's arrays.
        targets: Padding of each head's arrays, by the head's name.
    """

    inputs: Padding = field(default_factory=dict)
    targets: Mapping[str, Padding] = field(default_factory=dict)

    def __call__(self, examples: Sequence[EncodedExample], weight: float = 1.0) -> SequenceBatch:
        """Return the batch of these examples, in this order."""
        ids = [one.example.id for one in examples]
        return SequenceBatch(
            inputs=Inputs(*_padded([one.inputs for one in examples], self.inputs)),
            targets=self._by_head([one.targets for one in examples], ids),
            given=self._by_head([one.given for one in examples], ids),
            ids=ids,
            origins=[one.example.origin for one in examples],
            weight=weight,
        )

    def _by_head(self, examples: Sequence[dict[str, Arrays]], ids: list[str]) -> dict[str, Targets]:
        return {
            head: Targets(
                *_padded([one[head] for one in examples], self.targets.get(head, {})), ids
            )
            for head in examples[0]
        }


def _padded(
    items: Sequence[Arrays], padding: Padding
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the tensors of a batch, and the lengths of those that are sequences, by name."""
    arrays = {name: [item[name] for item in items] for name in items[0]}
    lengths = {
        name: torch.tensor([len(one) for one in each], dtype=torch.int64)
        for name, each in arrays.items()
        if each[0].ndim
    }
    return {name: pad(each, padding.get(name, 0)) for name, each in arrays.items()}, lengths


def pad(arrays: Sequence[np.ndarray], value: float) -> Tensor:
    """Stack arrays with the same number of dimensions, (B, …), padded at the end of every axis.

    >>> pad([np.array([1, 2]), np.array([3])], 0)
    tensor([[1, 2],
            [3, 0]])
    """
    shapes, dtype = [array.shape for array in arrays], arrays[0].dtype
    if len(arrays) == 1:
        return torch.from_numpy(np.array(arrays[0][np.newaxis]))
    if len(set(shapes)) == 1:
        return torch.from_numpy(np.stack(arrays).astype(dtype, copy=False))
    size = [max(sizes) for sizes in zip(*shapes, strict=True)]
    padded = np.full((len(arrays), *size), value, dtype)
    if len(size) == 1:
        for row, array in zip(padded, arrays, strict=True):
            row[: len(array)] = array
    else:
        for row, array in zip(padded, arrays, strict=True):
            row[tuple(map(slice, array.shape))] = array
    return torch.from_numpy(padded)
