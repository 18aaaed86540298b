"""Reading goes past an example that cannot be used, and never ends without a word."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from seqloom.data.reading import outcomes
from seqloom.errors import ExampleError
from seqloom.interfaces import Example


class GoesOn(Iterator[Example]):
    """An iterator with an error in the place of its second example."""

    def __init__(self) -> None:
        self.count = 0

    def __next__(self) -> Example:
        self.count += 1
        if self.count == 5:
            raise StopIteration
        example = Example(str(self.count), {})
        if self.count == 2:
            raise ExampleError(example, "is empty")
        return example


def test_an_error_takes_the_place_of_its_example() -> None:
    found = list(outcomes(GoesOn()))
    assert [one.id for one in found if isinstance(one, Example)] == ["1", "3", "4"]
    assert isinstance(found[1], ExampleError)
    assert found[1].example_id == "2"


def test_the_error_of_a_generator_is_no_silent_end() -> None:
    def broken() -> Iterator[Example]:
        yield Example("1", {})
        raise ExampleError(Example("2", {}), "is empty")

    stream = outcomes(broken())
    assert isinstance(next(stream), Example)
    with pytest.raises(ExampleError, match="is empty"):
        next(stream)
