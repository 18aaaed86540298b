"""Reading ahead: at once, in order, within bounds, and errors in their places."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from seqloom.cli.streaming import chunks


class Minor(Exception):  # noqa: N818
    """An error of one item."""


@given(st.integers(0, 60), st.integers(1, 7))
def test_all_items_in_order_in_lists_of_the_right_size(count: int, most: int) -> None:
    found = list(chunks(iter(range(count)), most, Minor))
    assert [item for chunk in found for item in chunk] == list(range(count))
    assert all(1 <= len(chunk) <= most for chunk in found)


def test_an_item_is_given_before_the_next_one_is_there() -> None:
    source: queue.Queue[int | None] = queue.Queue()
    stream = chunks(iter(source.get, None), 8, Minor)
    for number in range(5):
        source.put(number)
        assert next(stream) == [number]
    source.put(None)
    assert list(stream) == []


def test_a_fast_input_is_given_in_full_lists() -> None:
    stream = chunks(iter(range(64)), 8, Minor)
    first = next(stream)
    time.sleep(0.2)  # the queue fills meanwhile
    assert len(first) <= 8
    assert len(next(stream)) == 8


def test_memory_is_bounded_however_long_the_input() -> None:
    made = 0

    def endless() -> Iterator[int]:
        nonlocal made
        while made < 100_000:
            made += 1
            yield made

    stream = chunks(endless(), 16, Minor)
    furthest = 0
    for chunk in stream:
        furthest = max(furthest, made - chunk[-1])  # type: ignore[operator]
    assert made == 100_000
    assert furthest <= 6 * 16


def _drained(stream: Iterator[list[Any]]) -> tuple[list[Any], Exception | None]:
    """Return what a stream gives, and the error that it ends with."""
    found: list[Any] = []
    try:
        for chunk in stream:
            found += chunk
    except Exception as fault:
        return found, fault
    return found, None


def test_an_error_comes_after_the_items_before_it() -> None:
    def broken() -> Iterator[int]:
        yield 1
        yield 2
        raise OSError("no more")

    found, fault = _drained(chunks(broken(), 4, Minor))
    assert found == [1, 2]
    assert repr(fault) == "OSError('no more')"


class GoesOn:
    """An iterator with an error in the place of one item."""

    def __init__(self) -> None:
        self.count = 0

    def __iter__(self) -> GoesOn:
        return self

    def __next__(self) -> int:
        self.count += 1
        if self.count == 2:
            raise Minor("two")
        if self.count == 5:
            raise StopIteration
        return self.count


def test_an_error_of_one_item_takes_its_place() -> None:
    found = [item for chunk in chunks(GoesOn(), 4, Minor) for item in chunk]
    assert [str(item) for item in found] == ["1", "two", "3", "4"]
    assert isinstance(found[1], Minor)


def test_a_generator_cannot_go_on_after_an_error_so_it_is_no_silent_end() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise Minor("two")

    found, fault = _drained(chunks(broken(), 4, Minor))
    assert found == [1]
    assert repr(fault) == "Minor('two')"


def test_whoever_stops_early_leaves_no_thread_in_the_way() -> None:
    stream = chunks(iter(range(10_000)), 2, Minor)
    next(stream)
    readers = [one for one in threading.enumerate() if one is not threading.main_thread()]
    assert all(one.daemon for one in readers)
