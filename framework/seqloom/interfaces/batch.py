"""The batch that flows from the collate function through the network to the loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from seqloom.interfaces.example import Origin


@dataclass(slots=True)
class SequenceBatch:
    """Named right-padded tensors of B examples.

    Attributes:
        tensors: by name: (B,) for single values, (B, T, …) for sequences. What the head encoded has
            the head's name in front, ``ner/tags``; ``scoped`` takes that away.
        lengths: by the same names: (B,) int64, the unpadded length of each row; always on the CPU,
            since packing, bucketing and CTC need them there and a copy back would stall a GPU.
        ids: of the examples, so that any error can name them.
        origins: of the examples.
        weight: what this batch's mean loss is multiplied by, so that the average over ranks is the
            mean over the examples of all ranks; 1.0 on one device.
    """

    tensors: dict[str, Tensor]
    lengths: dict[str, Tensor]
    ids: list[str]
    origins: list[Origin | None] = field(default_factory=list)
    weight: float = 1.0

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, name: str) -> Tensor:
        return self.tensors[name]

    def __contains__(self, name: object) -> bool:
        return name in self.tensors

    def scoped(self, scope: str) -> SequenceBatch:
        """Return this batch as one head sees it: its own targets without the head's name."""
        prefix = f"{scope}/"
        return replace(
            self,
            tensors={k.removeprefix(prefix): v for k, v in self.tensors.items()},
            lengths={k.removeprefix(prefix): v for k, v in self.lengths.items()},
        )

    def _map(self, move: Callable[[Tensor], Tensor]) -> SequenceBatch:
        return replace(self, tensors={k: move(v) for k, v in self.tensors.items()})

    def to(self, device: torch.device | str, non_blocking: bool = False) -> SequenceBatch:
        """Return the batch with its tensors, but not its lengths, on the device."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> SequenceBatch:
        """Return the batch in page-locked memory; a data loader calls this."""
        return self._map(lambda tensor: tensor.pin_memory())
