"""Entities in sequences of IOB2 tags, by the strict rule: B-X and the I-X directly after it.

An I-X without a B-X or I-X before it is ill-formed and belongs to no entity, nor do the I-X after
it. This is what seqeval's ``mode="strict", scheme=IOB2`` counts.

Tags are numbered as the codec orders them: O is 0, B- of the k-th type 2 k + 1, I- 2 k + 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom.interfaces import Example

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Span = tuple[str, int, int]
"""Type, first token, token after the last."""


def tag_names(types: Sequence[str]) -> list[str]:
    """Return the tags of the types in the order of their numbers.

    >>> tag_names(["LOC", "PER"])
    ['O', 'B-LOC', 'I-LOC', 'B-PER', 'I-PER']
    """
    return ["O", *(f"{prefix}-{kind}" for kind in types for prefix in "BI")]


def types_of(tags: Sequence[str]) -> list[str]:
    """Return the types from which ``tag_names`` made the tags."""
    return [tag[2:] for tag in tags[1::2]]


def legal_steps(size: int) -> tuple[Bools, Bools]:
    """Return which of C numbered tags may start a sequence, and which may follow which.

    Returns:
        (C,) and (C, C); in the latter the row is the earlier tag.
    """
    tags = np.arange(size)
    inside = (tags > 0) & (tags % 2 == 0)
    return ~inside, ~inside | continuations(size)


def continuations(size: int) -> Bools:
    """Return (C, C): True where the column's tag continues the entity of the row's."""
    return _extends(np.arange(size)[:, None], np.arange(size)[None])


def _extends(before: Ints, tags: Ints) -> Bools:
    """Return whether each tag is an I- that continues the entity of the tag before it."""
    found: Bools = (tags > 0) & (tags % 2 == 0) & ((before == tags) | (before == tags - 1))
    return found


def _continues(tags: Ints) -> Bools:
    return _extends(np.concatenate([[0], tags[:-1]]), tags)


def count_ill_formed(tags: Ints) -> int:
    """Return how many of the (N,) numbered tags are an I- that continues no entity."""
    return int(((tags > 0) & (tags % 2 == 0) & ~_continues(tags)).sum())


def flat_spans(tags: Ints) -> tuple[Ints, Ints, Ints]:
    """Return starts, ends (exclusive) and types' numbers of the entities in (N,) numbered tags.

    >>> flat_spans(np.array([0, 1, 2, 2, 4, 3]))
    (array([1, 5]), array([4, 6]), array([0, 1]))
    """
    starts = np.flatnonzero(tags % 2 == 1)
    stops = np.flatnonzero(~np.append(_continues(tags), False)[1:])  # the last token of any run
    ends = stops[np.searchsorted(stops, starts)] + 1
    return starts, ends, (tags[starts] - 1) // 2


def separated(tags: Ints, lengths: Ints) -> Ints:
    """Return padded (B, T) tags as (B, T + 1) with O in the padding and after every row.

    In the flattened array no entity crosses rows; ``divmod(position, T + 1)`` is row and token.
    """
    size = tags.shape[1]
    kept = np.zeros((len(tags), size + 1), tags.dtype)
    np.copyto(kept[:, :size], tags, where=np.arange(size) < lengths[:, None])
    return kept


def batch_spans(tags: Ints, lengths: Ints) -> Ints:
    """Return (N, 4): row, start, end and type of each entity in padded (B, T) numbered tags.

    A loop over the tags is faster than NumPy: most of them are O.
    """
    found: list[list[int]] = []
    for row, (numbers, length) in enumerate(zip(tags.tolist(), lengths.tolist(), strict=True)):
        for place, tag in enumerate(numbers[:length]):
            if tag % 2:
                found.append([row, place, place + 1, tag // 2])
            elif tag and found and found[-1] == [row, found[-1][1], place, tag // 2 - 1]:
                found[-1][2] = place + 1
    return np.array(found, dtype=np.int64).reshape(-1, 4)


def entities(tags: Sequence[str]) -> list[Span]:
    """Return the entities of one sequence of IOB2 tags, valid or not.

    >>> entities(["B-PER", "I-PER", "I-LOC", "B-LOC"])
    [('PER', 0, 2), ('LOC', 3, 4)]
    """
    found: list[Span] = []
    for position, tag in enumerate(tags):
        if tag.startswith("B-"):
            found.append((tag[2:], position, position + 1))
        elif tag.startswith("I-") and found and found[-1][::2] == (tag[2:], position):
            found[-1] = (tag[2:], found[-1][1], position + 1)
    return found


def with_text(example: Example, tokens: Sequence[str], entity: dict[str, Any]) -> dict[str, Any]:
    """Return an entity with its text and, where the offsets are known, its characters' places."""
    start, end = entity["start"], entity["end"]
    text, offsets = example.fields.get("text"), example.meta.get("offsets")
    if text is None or offsets is None:
        return {**entity, "text": " ".join(tokens[start:end])}
    first, last = int(offsets[start][0]), int(offsets[end - 1][1])
    return {**entity, "text": text[first:last], "start_char": first, "end_char": last}
