"""Batches: padded tensors of several examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import torch
from torch import Tensor

from seqloom.interfaces.example import Origin


@dataclass(slots=True)
class _Padded:
    """Named right-padded tensors of B examples."""

    tensors: Mapping[str, Tensor]
    lengths: Mapping[str, Tensor]

    def __len__(self) -> int:
        return len(next(iter(self.tensors.values())))

    def __getitem__(self, name: str) -> Tensor:
        return self.tensors[name]

    def __contains__(self, name: object) -> bool:
        return name in self.tensors

    def map(self, move: Callable[[Tensor], Tensor]) -> Self:
        """Return a copy with ``move`` applied to each tensor, but not to the lengths."""
        return replace(self, tensors={name: move(one) for name, one in self.tensors.items()})

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Self:
        """Return a copy with its tensors, but not its lengths, on the device."""
        return self.map(lambda tensor: tensor.to(device, non_blocking=non_blocking))


@dataclass(slots=True)
class Inputs(_Padded):
    """Inputs of a frontend for B examples: the arrays of its codec, right-padded.

    Attributes:
        tensors: Tensors by name: (B,) for single values, (B, T, …) for sequences.
        lengths: Unpadded lengths of the sequences by name: (B,) int64. They are always on the CPU,
            where packing, bucketing and CTC need them; copying them back would stall a GPU.
    """


@dataclass(slots=True)
class Targets(_Padded):
    """Targets of a head for B examples: the arrays of its codec, right-padded.

    Attributes:
        tensors: Tensors by name: (B,) for single values, (B, S, …) for sequences.
        lengths: Unpadded lengths of the sequences by name: (B,) int64, always on the CPU.
        ids: Ids of the examples.
    """

    ids: list[str] = field(default_factory=list)


@dataclass(slots=True)
class SequenceBatch:
    """Inputs and targets of B examples.

    Attributes:
        inputs: Inputs of the frontend.
        targets: Targets by the name of the head; empty if only the inputs are known.
        given: What a head may know of the targets when it predicts, by its name; without an entry
            for heads to which nothing is given. See `HeadCodec.given`.
        ids: Ids of the examples, for messages.
        origins: Origins of the examples.
        weight: Factor of the batch's mean loss, such that the average over ranks is the mean over
            the examples of all ranks; 1.0 on one device.
    """

    inputs: Inputs
    targets: dict[str, Targets] = field(default_factory=dict)
    given: dict[str, Targets] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)
    origins: list[Origin | None] = field(default_factory=list)
    weight: float = 1.0

    def __len__(self) -> int:
        return len(self.ids)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> SequenceBatch:
        """Return a copy with its tensors, but not its lengths, on the device."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> SequenceBatch:
        """Return a copy in page-locked memory; called by data loaders."""
        return self._map(lambda tensor: tensor.pin_memory())

    def _map(self, move: Callable[[Tensor], Tensor]) -> SequenceBatch:
        targets = {name: one.map(move) for name, one in self.targets.items()}
        given = {name: one.map(move) for name, one in self.given.items()}
        return replace(self, inputs=self.inputs.map(move), targets=targets, given=given)
