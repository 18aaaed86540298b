"""The batch that flows from the collate function through the network to the loss."""

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
        """Return a copy with every tensor, but none of the lengths, passed through ``move``."""
        return replace(self, tensors={name: move(one) for name, one in self.tensors.items()})

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Self:
        """Return a copy with its tensors, but not its lengths, on the device."""
        return self.map(lambda tensor: tensor.to(device, non_blocking=non_blocking))


@dataclass(slots=True)
class Inputs(_Padded):
    """What a frontend reads of B examples: the arrays of its codec, right-padded.

    Attributes:
        tensors: by name: (B,) for single values, (B, T, …) for sequences.
        lengths: of the sequences, by name: (B,) int64, the unpadded length of each row. Always on
            the CPU, since packing, bucketing and CTC need them there and a copy back would stall a
            GPU.
    """


@dataclass(slots=True)
class Targets(_Padded):
    """What a head is trained on and measured by: the arrays of its codec, right-padded.

    Attributes:
        tensors: by name: (B,) for single values, (B, S, …) for sequences.
        lengths: of the sequences, by name: (B,) int64, the unpadded length of each row; always on
            the CPU.
        ids: of the examples.
    """

    ids: list[str] = field(default_factory=list)


@dataclass(slots=True)
class SequenceBatch:
    """B examples: what is read, and what is to be predicted.

    Attributes:
        inputs: for the frontend.
        targets: by the head's name; empty where nothing is known but the inputs.
        ids: of the examples, so that any error can name them.
        origins: of the examples.
        weight: what this batch's mean loss is multiplied by, so that the average over ranks is the
            mean over the examples of all ranks; 1.0 on one device.
    """

    inputs: Inputs
    targets: dict[str, Targets] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)
    origins: list[Origin | None] = field(default_factory=list)
    weight: float = 1.0

    def __len__(self) -> int:
        return len(self.ids)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> SequenceBatch:
        """Return the batch with its tensors, but not its lengths, on the device."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> SequenceBatch:
        """Return the batch in page-locked memory; a data loader calls this."""
        return self._map(lambda tensor: tensor.pin_memory())

    def _map(self, move: Callable[[Tensor], Tensor]) -> SequenceBatch:
        targets = {name: one.map(move) for name, one in self.targets.items()}
        return replace(self, inputs=self.inputs.map(move), targets=targets)
