"""A second thread, on which one of two functions computes while the caller computes the other.

torch lets other threads run while it computes, so that two calls that spend their time in torch's
kernels take as long as the longer one, if two cores are free.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, TypeVar

import torch

First = TypeVar("First")
Second = TypeVar("Second")


class _Job:
    """A function to be called in the thread's place, with what of torch belongs to each thread."""

    def __init__(self, function: Callable[[], Any], threads: int) -> None:
        self.function = function
        self.threads = threads
        self.grad, self.inference = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
        self.autocast = torch.is_autocast_enabled("cpu")
        self.dtype = torch.get_autocast_dtype("cpu")
        self.cache = torch.is_autocast_cache_enabled()
        self.result: Any = None
        self.error: BaseException | None = None
        self.running = threading.Lock()
        self.running.acquire()

    def run(self) -> None:
        try:
            torch.set_num_threads(self.threads)
            torch.set_autocast_enabled("cpu", self.autocast)
            torch.set_autocast_dtype("cpu", self.dtype)
            torch.set_autocast_cache_enabled(self.cache)
            with torch.inference_mode(self.inference), torch.set_grad_enabled(self.grad):
                self.result = self.function()
        except BaseException as error:  # raised again in the thread that waits
            self.error = error
        finally:
            self.running.release()

    def wait(self) -> Any:
        with self.running:
            pass
        if self.error is not None:
            raise self.error
        return self.result


class Companion:
    """A thread that computes beside the one that asks for it; it is started on first use.

    One caller at a time has it: another one computes alone meanwhile.
    """

    def __init__(self) -> None:
        self._taken = threading.Lock()
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def run(self, first: Callable[[], First], second: Callable[[], Second]) -> tuple[First, Second]:
        """Return the results of two functions: the second is called on the thread, if it is free.

        Each gets half of torch's threads, and the caller's modes of autograd and autocast. If both
        fail, the error is that of the first, as if they had been called in turn.
        """
        threads = torch.get_num_threads()
        if threads < 2 or not self._taken.acquire(blocking=False):
            return first(), second()
        try:
            torch.set_num_threads(threads // 2)
            job = self._started(second, threads // 2)
            try:
                one = first()
            except BaseException:
                with job.running:  # what it computes on may change once the error has left
                    raise
            return one, job.wait()
        finally:
            torch.set_num_threads(threads)
            self._taken.release()

    def _started(self, function: Callable[[], Any], threads: int) -> _Job:
        if self._thread is None:
            self._thread = threading.Thread(
                target=_serve, args=(self._jobs,), name="seqloom-companion", daemon=True
            )
            self._thread.start()
        job = _Job(function, threads)
        self._jobs.put(job)
        return job


def _serve(jobs: SimpleQueue[_Job]) -> None:
    # Else the end of an autocast block here would clear the cache, which all threads share.
    torch.autocast_increment_nesting()
    while True:
        jobs.get().run()


_companion = Companion()


def together(first: Callable[[], First], second: Callable[[], Second]) -> tuple[First, Second]:
    """Return the results of two functions that are called at the same time; see `Companion.run`."""
    return _companion.run(first, second)


@contextmanager
def single_thread() -> Iterator[None]:
    """Compute on one thread in the block.

    For what is done in no time: the threads that share it would spin for milliseconds after it,
    waiting for more, in the way of the companion.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _forget() -> None:
    """Forget the thread in a forked process, which has only the one that forked."""
    global _companion  # noqa: PLW0603
    _companion = Companion()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
