"""A head under check: what it is built with, its examples, and what it makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from seqloom.data.collate import Collate, EncodedExample
from seqloom.interfaces import (
    Encoded,
    Example,
    Features,
    Head,
    HeadCodec,
    Prediction,
    SequenceBatch,
)
from seqloom.interfaces.arguments import accepted
from seqloom.testing.samples import features

SIZE = 6

Candidates = Callable[[Example], Iterable[Example]]
"""From an example to examples like it, with each target that it could have."""


@dataclass(frozen=True)
class HeadCase:
    """A head class with parameters, labelled examples, and each example's number of states.

    Attributes:
        cls: the head.
        examples: with the field that the head predicts.
        frames: of each example; one has 1, and one at most 3.
        params: of the component.
        candidates: gives all targets that an example could have, to search them for the best.
            Without it those of a field of the kind ``label``, ``labels`` or ``tags`` are known:
            the values of all examples.
        kind: of the field that is predicted; the field's name if it is empty.
        likelihood: whether the loss is −log P(target), or that divided by the number of tokens or
            classes. None asks for it where it holds for some examples.
    """

    cls: type[Head]
    examples: Sequence[Example]
    frames: Sequence[int]
    params: dict[str, Any] = field(default_factory=dict)
    candidates: Candidates | None = None
    kind: str = ""
    likelihood: bool | None = None

    def codec(self) -> HeadCodec:
        """Return a fitted codec."""
        codec = self.cls.make_codec(**self.params)
        codec.restore(codec.fit(self.examples))
        return codec

    def head(self, codec: HeadCodec) -> Head:
        """Return a new head in eval mode, the same each time."""
        torch.manual_seed(1)
        return self.make(codec).eval()

    def drawn(self, codec: HeadCodec, draw: int) -> Head:
        """Return a new head in eval mode with weights drawn far from zero."""
        head = self.head(codec)
        generator = torch.Generator().manual_seed(draw)
        with torch.no_grad():
            for parameter in head.parameters():
                parameter.add_(torch.randn(parameter.shape, generator=generator))
        return head

    def make(self, codec: HeadCodec) -> Head:
        """Return a new head, built as pipelines build it."""
        sizes = {"features_size": SIZE} if self.cls.reads_features else {}
        return self.cls(codec, SIZE, **sizes, **self.params)

    @property
    def rows(self) -> list[int]:
        """The positions of all examples."""
        return list(range(len(self.examples)))

    def batch(self, codec: HeadCodec, rows: Sequence[int]) -> SequenceBatch:
        """Return the targets of some examples."""
        return targets(codec, [self.examples[row] for row in rows])

    def encoded(self, rows: Sequence[int]) -> Encoded:
        """Return states of some examples, NaN in the padding, whatever their neighbours."""
        whole = features(SIZE, list(self.frames))
        lengths = whole.lengths[list(rows)]
        states = whole.values[list(rows), : int(lengths.max())].clone()
        summary = torch.stack([state[0] for state in states])
        return Encoded(states, summary, lengths, Features(states, lengths))

    def losses(self, head: Head, codec: HeadCodec, rows: Sequence[int] | None = None) -> Tensor:
        """Return the losses of some examples, or of all, (B,)."""
        rows = self.rows if rows is None else rows
        batch = self.batch(codec, rows)
        return head.loss(head(self.encoded(rows), batch), batch)

    def decoded(self, head: Head, rows: Sequence[int], scores: bool = True) -> list[Prediction]:
        """Return what is predicted for some examples; ``scores`` as training passes it."""
        encoded = self.encoded(rows)
        with torch.no_grad():
            return head.decode(head(encoded), encoded, **accepted(head.decode, scores=scores))


def targets(codec: HeadCodec, examples: Sequence[Example]) -> SequenceBatch:
    """Return the encoded targets of examples as a (scoped) batch."""
    return Collate(codec.padding)([EncodedExample(one, codec.encode(one)) for one in examples])
