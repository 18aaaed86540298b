"""Examples with the same input: within a split, and in two splits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence

import numpy as np

from seqloom.data.collate import EncodedExample
from seqloom.data.content import Contents
from seqloom.data.encoded import EncodedSplit
from seqloom.errors import plural
from seqloom.train.check.finding import Finding, place

LARGE = 0.05
"""Share of a split that may be in another one before its scores are taken for wrong."""

LISTED = 5
"""Number of examples with the same input that are listed."""


def duplicates(
    splits: Mapping[str, EncodedSplit], contents: Mapping[str, Contents]
) -> Iterator[Finding]:
    """Yield what is known of equal inputs.

    Args:
        splits: Encoded examples by split.
        contents: Hashes of the same examples.
    """
    filled = [split for split in splits if len(splits[split])]
    for split in filled:
        yield from _within(split, splits[split], contents[split])
    for number, split in enumerate(filled):
        for other in filled[:number]:
            yield from _across(split, other, splits, contents)


def _within(split: str, encoded: EncodedSplit, found: Contents) -> Iterator[Finding]:
    groups = _groups(found)
    unlike = [one for one in groups if len({_targets(encoded[number]) for number in one}) > 1]
    same = [one for one in groups if one not in unlike]
    if unlike:
        yield Finding(
            "contradictions",
            error=False,
            text=f"{sum(map(len, unlike)):,} of {len(encoded):,} examples of {split} have the same "
            "input as another one, but not the same targets: a model predicts the same for both. "
            "Correct one of each, unless both are right, as two translations of a text are.",
            places=[_equal(encoded, one) for one in unlike],
        )
    if again := sum(len(one) - 1 for one in same):
        yield Finding(
            "duplicates",
            error=False,
            text=f"{again:,} of {len(encoded):,} examples of {split} "
            f"{plural(again, 'repeats', 'repeat')} another one. They count several times.",
            places=[_equal(encoded, one) for one in same],
        )


def _targets(encoded: EncodedExample) -> Hashable:
    """Return what all heads learn from an example, to compare it."""
    arrays = [(head, *one) for head, own in sorted(encoded.targets.items()) for one in own.items()]
    return tuple((head, name, array.tobytes()) for head, name, array in arrays)


def _groups(found: Contents) -> list[list[int]]:
    """Return the places of equal inputs, for inputs that occur more than once."""
    values, counts = np.unique(found.inputs, return_counts=True)
    repeated = set(values[counts > 1].tolist())
    groups: dict[int, list[int]] = defaultdict(list)
    for number, value in enumerate(found.inputs.tolist()):
        if value in repeated:
            groups[value].append(number)
    return list(groups.values())


def _equal(encoded: EncodedSplit, numbers: Sequence[int]) -> str:
    places = [place(encoded[number].example) for number in numbers[:LISTED]]
    more = [f"{len(numbers) - LISTED:,} more"] if len(numbers) > LISTED else []
    return " = ".join([*places, *more])


def _across(
    split: str, other: str, splits: Mapping[str, EncodedSplit], contents: Mapping[str, Contents]
) -> Iterator[Finding]:
    own, others = contents[split].inputs, contents[other].inputs
    numbers = np.flatnonzero(np.isin(own, others))
    if not len(numbers):
        return
    first: dict[int, int] = {}
    for number, value in enumerate(others.tolist()):
        first.setdefault(value, number)
    share = len(numbers) / len(own)
    yield Finding(
        "overlap",
        error=share >= LARGE,
        text=f"{len(numbers):,} of {len(own):,} examples of {split} ({share:.1%}) "
        f"{plural(len(numbers), 'has', 'have')} an input that is also in {other}: the scores of "
        f"{split} are better than those of unseen data. "
        f"Leave them out of {other}, or split by a group that keeps them together "
        "(data.split.group).",
        places=[
            f"{place(splits[split][number].example)} = "
            f"{place(splits[other][first[int(own[number])]].example)}"
            for number in numbers.tolist()
        ],
    )
