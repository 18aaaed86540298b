"""One at a time, the newest first."""

from __future__ import annotations

import asyncio
import threading
import time
from functools import partial

import pytest

from seqloom_handwriting.demo.turns import SupersededError, Turns


def play(pages: list[str | None]) -> tuple[list[object], list[int]]:
    """Ask for work 0 of a page of its own, then, while that is done, for the work of these pages.

    Returns:
        The results, and the work in the order in which it was done.
    """
    turns, gate, begun, done = Turns(), threading.Event(), threading.Event(), list[int]()

    def work(number: int) -> int:
        begun.set()
        gate.wait(5)
        done.append(number)
        return number

    async def main() -> list[object]:
        first = asyncio.create_task(turns.run("first", lambda: work(0)))
        await asyncio.to_thread(begun.wait, 5)
        rest = [
            asyncio.create_task(turns.run(page, partial(work, number)))
            for number, page in enumerate(pages, 1)
        ]
        await asyncio.sleep(0)
        gate.set()
        return await asyncio.gather(first, *rest, return_exceptions=True)

    results = asyncio.run(main())
    assert turns._newest == {}
    return results, done


def test_of_a_page_that_waits_only_the_newest_is_done() -> None:
    results, done = play(["a", "a", "a"])
    assert done == [0, 3]
    assert [type(one) for one in results] == [int, SupersededError, SupersededError, int]


def test_pages_do_not_supersede_each_other() -> None:
    assert play(["a", "b", "a"])[1] == [0, 2, 3]


def test_requests_of_no_page_are_all_done() -> None:
    assert play([None, None])[1] == [0, 1, 2]


def test_what_has_begun_is_finished() -> None:
    assert play(["first"])[0] == [0, 1]


def test_only_one_is_done_at_a_time() -> None:
    turns, inside, most = Turns(), 0, 0

    def work() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.01)
        inside -= 1

    async def main() -> None:
        await asyncio.gather(*(turns.run(None, work) for _ in range(5)))

    asyncio.run(main())
    assert most == 1


def test_errors_come_through() -> None:
    def work() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        asyncio.run(Turns().run("a", work))
