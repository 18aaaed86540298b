"""Encode examples before training, and reject those that cannot be encoded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from seqloom.data.collate import EncodedExample
from seqloom.data.rejected import Rejected
from seqloom.errors import ExampleError
from seqloom.interfaces import Arrays, Example, FrontendCodec, HeadCodec


@dataclass(frozen=True)
class Codecs:
    """The codecs of a pipeline: one frontend's, and each head's by the head's name."""

    frontend: FrontendCodec
    heads: Mapping[str, HeadCodec]

    def padding(self) -> dict[str, float]:
        """Return the padding values of all arrays by their names in a batch."""
        found = dict(self.frontend.padding)
        for name, codec in self.heads.items():
            found |= {f"{name}/{array}": value for array, value in codec.padding.items()}
        return found

    def inputs(self, example: Example) -> EncodedExample:
        """Return the example encoded without its targets.

        Raises:
            ExampleError: the frontend cannot read it.
        """
        item = self.frontend.encode(example)
        return EncodedExample(example, item, self.frontend.cost(item), self.frontend.frames(item))

    def row(self, example: Example) -> EncodedExample:
        """Return the example encoded with its targets.

        Raises:
            ExampleError: it cannot be encoded, or a head cannot emit its target.
        """
        row = self.inputs(example)
        row.item = row.item | self.targets(example, row.frames)
        return row

    def targets(self, example: Example, frames: int) -> Arrays:
        """Return an example's targets, as ``head/name``, checked against its number of frames.

        Raises:
            ExampleError: a target cannot be encoded, or not be emitted.
        """
        targets: Arrays = {}
        for name, codec in self.heads.items():
            target = codec.encode(example)
            codec.check(example, target, frames)
            targets |= {f"{name}/{array}": value for array, value in target.items()}
        return targets

    def augmented(self, row: EncodedExample, rng: np.random.Generator) -> EncodedExample:
        """Return a row changed for one pass over it, or as it is if its target would not fit."""
        item = self.frontend.augment(row.item, rng)
        frames = self.frontend.frames(item)
        if frames != row.frames and not self._fits(row, frames):
            return row
        return EncodedExample(row.example, item, row.cost, frames)

    def _fits(self, row: EncodedExample, frames: int) -> bool:
        try:
            for name, codec in self.heads.items():
                codec.check(row.example, unscoped(row.item, name), frames)
        except ExampleError:
            return False
        return True


def unscoped(item: Arrays, name: str) -> Arrays:
    """Return the arrays of one head without its name."""
    prefix = f"{name}/"
    return {
        key.removeprefix(prefix): array for key, array in item.items() if key.startswith(prefix)
    }


def encode(
    codecs: Codecs, examples: Iterable[Example], rejected: Rejected, max_cost: int | None = None
) -> list[EncodedExample]:
    """Return the rows of prepared examples.

    Those that cannot be encoded, or cost more than a whole batch may, are rejected.
    """
    rows = []
    for example in examples:
        try:
            row = codecs.row(example)
            if max_cost is not None and row.cost > max_cost:
                raise ExampleError(
                    example,
                    f"its size of {row.cost} is over the {max_cost} that a batch may have; raise "
                    "batch.max_cost",
                )
            rows.append(row)
        except ExampleError as error:
            rejected.errors.append(error)
    return rows
