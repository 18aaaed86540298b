"""Reading a split: nothing that a reader yields or raises is lost without a word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from seqloom.data.read import _distinct, checked
from seqloom.data.rejected import Rejected
from seqloom.errors import DataError, ExampleError, PluginError
from seqloom.interfaces import Example, Origin


def _example(number: int, text: str = "") -> Example:
    return Example(str(number), {"text": text}, Origin("data.txt", number))


def test_an_error_takes_the_place_of_its_example() -> None:
    def stream() -> Iterator[Example | ExampleError]:
        yield _example(1)
        yield ExampleError(_example(2), "is empty")
        yield _example(3)

    first, error, last = checked(stream())
    assert isinstance(first, Example)
    assert isinstance(last, Example)
    assert (first.id, str(error), last.id) == ("1", "data.txt:2: is empty", "3")


def test_a_raised_error_says_that_it_must_be_yielded() -> None:
    def broken() -> Iterator[Example]:
        yield _example(1)
        raise ExampleError(_example(2), "is empty")

    stream = checked(broken())
    assert isinstance(next(stream), Example)
    with pytest.raises(
        DataError, match=r"^data\.txt:2: is empty\n.* yield ExampleError\(…\)\.$"
    ) as e:
        next(stream)
    assert not isinstance(e.value, ExampleError)  # it must not pass for one that may be skipped


@pytest.mark.parametrize("odd", [None, {"text": "a"}, ExampleError])
def test_what_is_no_example_is_refused(odd: Any) -> None:
    with pytest.raises(PluginError, match=r"^A reader yielded .*; expected an Example, or an Exa"):
        list(checked([_example(1), odd]))


def test_the_later_of_two_examples_with_one_id_is_rejected() -> None:
    examples = [_example(1, "a"), _example(2, "b"), _example(1, "c"), Example("x", {})]
    rejected = Rejected(skip=True)
    assert list(_distinct([*examples, Example("x", {})], rejected)) == [*examples[:2], examples[3]]
    assert [str(error) for error in rejected.errors] == [
        "data.txt:1: the example at data.txt:1 has the same id, '1'; ids must be unique.",
        "example x: the example before it has the same id, 'x'; ids must be unique.",
    ]
