"""Take a part of the training examples, so that larger parts include smaller ones."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Hashable, Sequence

from seqloom.interfaces import Example

SEED = 0
"""Seed of the shuffle: runs with different seeds train on the same part."""


def take(examples: Sequence[Example], count: int, field: str | None = None) -> list[Example]:
    """Return some of the examples in their order.

    Args:
        examples: All examples.
        count: Number of examples to return; all, if there are fewer.
        field: Field whose values keep their proportions, as far as it exists.
    """
    rng = random.Random(SEED)
    strata: dict[Hashable, list[int]] = defaultdict(list)
    for place, example in enumerate(examples):
        value = example.fields.get(field) if field is not None else None
        strata[value if isinstance(value, Hashable) else None].append(place)
    ranked: list[tuple[float, int]] = []
    for places in strata.values():
        rng.shuffle(places)
        # Those of a class come in equal distances, from an offset of its own.
        offset = rng.random()
        ranked += [((n + offset) / len(places), place) for n, place in enumerate(places)]
    chosen = sorted(place for _, place in sorted(ranked)[:count])
    return [examples[place] for place in chosen]
