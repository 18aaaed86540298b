"""One at a time, the newest first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class SupersededError(Exception):
    """A newer request of the same page came before this one's turn."""


class Turns:
    """Runs work in one thread; of what a page has waiting there, only the newest is done."""

    def __init__(self) -> None:
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="reader")
        self._newest: dict[str, object] = {}

    async def run(self, page: str | None, work: Callable[[], T]) -> T:
        """Return what the work returns.

        Args:
            page: whose work it is; that of None is always done.
            work: called in the thread.

        Raises:
            SupersededError: the page had newer work before this was begun.
        """
        token = object()
        if page is not None:
            self._newest[page] = token

        def turn() -> T:
            if page is not None and self._newest.get(page) is not token:
                raise SupersededError
            return work()

        try:
            return await asyncio.get_running_loop().run_in_executor(self._worker, turn)
        finally:
            if page is not None and self._newest.get(page) is token:
                del self._newest[page]
