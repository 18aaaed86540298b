"""A frontend under check: what it is built with, its examples, and what it makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from seqloom.data.collate import Collate, EncodedExample
from seqloom.data.encode import Codecs
from seqloom.interfaces import Example, Features, Frontend, FrontendCodec, SequenceBatch


@dataclass(frozen=True)
class FrontendCase:
    """A frontend class with parameters and examples to check it on; one example is of one step."""

    cls: type[Frontend]
    examples: Sequence[Example]
    params: dict[str, Any] = field(default_factory=dict)

    def codec(self) -> FrontendCodec:
        """Return a fitted codec."""
        codec = self.cls.make_codec(**self.params)
        codec.restore(codec.fit(self.prepared(codec)))
        return codec

    def prepared(self, codec: FrontendCodec) -> list[Example]:
        """Return the examples as the codec prepares them."""
        return [codec.prepare(example) for example in self.examples]

    def make(self, codec: FrontendCodec) -> Frontend:
        """Return a new frontend."""
        return self.cls(codec, **self.params)

    def frontend(self, codec: FrontendCodec) -> Frontend:
        """Return a new frontend in eval mode, the same each time."""
        torch.manual_seed(1)
        return self.make(codec).eval()

    def rows(self, codec: FrontendCodec) -> list[EncodedExample]:
        """Return the encoded examples."""
        codecs = Codecs(codec, {})
        return [codecs.inputs(example) for example in self.prepared(codec)]


def batch_of(codec: FrontendCodec, rows: Sequence[EncodedExample]) -> SequenceBatch:
    """Return the padded batch of some rows."""
    return Collate(codec.padding)(rows)


def rows_of(batch: SequenceBatch, rows: Sequence[int]) -> SequenceBatch:
    """Return some rows of a batch, padded as they are in it."""
    chosen = list(rows)
    return SequenceBatch(
        {name: tensor[chosen] for name, tensor in batch.tensors.items()},
        {name: lengths[chosen] for name, lengths in batch.lengths.items()},
        [batch.ids[row] for row in chosen],
        [batch.origins[row] for row in chosen],
    )


def signal(given: Features, rows: Sequence[int]) -> Tensor:
    """Return a scalar that weighs every valid feature of some rows differently."""
    total = given.values.new_zeros((), requires_grad=True)  # a frontend may have no weights
    for place, row in enumerate(rows):
        values = given.values[place, : int(given.lengths[place])]
        weights = torch.arange(1.0, values.numel() + 1, device=values.device).reshape(values.shape)
        total = total + (row + 1) * (values * weights.sin()).sum()
    return total


def valid(given: Features) -> Tensor:
    """Return the features of all rows but their padding as one vector, on the CPU."""
    rows = zip(given.values, given.lengths.tolist(), strict=True)
    return torch.cat([values[:length].flatten() for values, length in rows]).float().cpu()
