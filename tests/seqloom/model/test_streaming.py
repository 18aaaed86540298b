"""Reading ahead: at once, in order, within bounds, and errors in their places."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.model import streaming
from seqloom.model.streaming import chunks, lists


@given(st.integers(0, 60), st.integers(1, 7))
def test_all_items_in_order_in_lists_of_the_right_size(count: int, most: int) -> None:
    found = list(chunks(iter(range(count)), lambda: most, 4 * most))
    assert [item for chunk in found for item in chunk] == list(range(count))
    assert all(1 <= len(chunk) <= most for chunk in found)


def test_an_item_is_given_before_the_next_one_is_there() -> None:
    source: queue.Queue[int | None] = queue.Queue()
    stream = chunks(iter(source.get, None), lambda: 8, 32)
    for number in range(5):
        source.put(number)
        assert next(stream) == [number]
    source.put(None)
    assert list(stream) == []


def test_a_fast_input_is_given_in_full_lists() -> None:
    stream = chunks(iter(range(64)), lambda: 8, 32)
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

    stream = chunks(endless(), lambda: 16, 64)
    furthest = 0
    for chunk in stream:
        furthest = max(furthest, made - chunk[-1])
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

    for stream in (chunks(broken(), lambda: 4, 16), lists(broken(), lambda: 4)):
        found, fault = _drained(stream)
        assert found == [1, 2]
        assert repr(fault) == "OSError('no more')"


def test_lists_have_the_sizes_that_are_asked_for() -> None:
    sizes = iter([1, 3, 2, 9, 9])
    found = list(lists(iter(range(8)), lambda: next(sizes)))
    assert found == [[0], [1, 2, 3], [4, 5], [6, 7]]


def test_whoever_stops_early_leaves_no_thread_behind() -> None:
    before = set(threading.enumerate())
    stream = chunks(iter(range(10_000)), lambda: 2, 8)
    next(stream)
    (reader,) = set(threading.enumerate()) - before
    assert reader.daemon
    stream.close()
    reader.join(timeout=60)
    assert not reader.is_alive()


def test_an_item_waits_for_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "ATTENTION", 0.01)
    ready: queue.Queue[object] = queue.Queue(1)
    ready.put("first")
    taker = threading.Timer(0.05, ready.get)
    taker.start()
    assert streaming._put(ready, "second", threading.Event())
    taker.join()
    assert ready.get_nowait() == "second"
