"""The oracle is seqeval's strict IOB2."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from seqeval.scheme import IOB2, Entities

from seqloom_ner.spans import (
    batch_spans,
    continuations,
    count_ill_formed,
    entities,
    flat_spans,
    legal_steps,
    tag_names,
    types_of,
)

NAMES = tag_names(["A", "B-x", "C"])
numbers = st.lists(st.integers(0, len(NAMES) - 1), min_size=1, max_size=12)


def seqeval_spans(tags: list[str]) -> list[tuple[str, int, int]]:
    found = Entities([tags], IOB2).entities[0]
    return [(entity.tag, entity.start, entity.end) for entity in found]


@given(numbers)
def test_spans_are_those_of_seqeval(tags: list[int]) -> None:
    expected = seqeval_spans([NAMES[tag] for tag in tags])
    assert entities([NAMES[tag] for tag in tags]) == expected
    starts, ends, kinds = flat_spans(np.array(tags))
    types = types_of(NAMES)
    found = zip((types[kind] for kind in kinds), starts, ends, strict=True)
    assert list(found) == expected


@given(st.lists(numbers, min_size=1, max_size=4), st.integers(0, 3))
def test_batch_spans_are_those_of_each_row(rows: list[list[int]], extra: int) -> None:
    lengths = np.array([len(row) for row in rows])
    padded = np.full((len(rows), lengths.max() + extra), 2, dtype=np.int64)  # I- in the padding
    for number, row in enumerate(rows):
        padded[number, : len(row)] = row
    types = types_of(NAMES)
    expected = [
        (number, start, end, types.index(kind))
        for number, row in enumerate(rows)
        for kind, start, end in entities([NAMES[tag] for tag in row])
    ]
    assert [tuple(span) for span in batch_spans(padded, lengths).tolist()] == expected


@given(numbers)
def test_ill_formed_tags_are_those_that_the_constraints_forbid(tags: list[int]) -> None:
    start, follow = legal_steps(len(NAMES))
    illegal = int(not start[tags[0]])
    illegal += sum(not follow[a, b] for a, b in itertools.pairwise(tags))
    assert count_ill_formed(np.array(tags)) == illegal


def test_legal_steps_and_continuations() -> None:
    start, follow = legal_steps(5)  # O B-x I-x B-y I-y
    assert start.tolist() == [True, True, False, True, False]
    assert follow[:, 2].tolist() == [False, True, True, False, False]
    assert follow[:, [0, 1, 3]].all()
    assert np.argwhere(continuations(5)).tolist() == [[1, 2], [2, 2], [3, 4], [4, 4]]
