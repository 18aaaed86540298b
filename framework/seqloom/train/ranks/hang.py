"""Notice a process that hangs in training, say what it was doing, and end it.

Each process arms a timer of `faulthandler`, which writes the stacks of its threads to a file if
there is no progress in time. It works without the interpreter, so it also shows where an extension
waits that holds its lock. All ranks stop with the one that hangs, so what they were doing tells it
apart: it has made the least progress, and does not wait for others.

Ranks that this program launched are watched by it, see `HangWatch`. Where there is no launcher, on
one device, by srun or torchrun, the process itself ends the run, see `HangEnd`.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from seqloom.errors import Cause, ConfigError, RunError
from seqloom.files import write_json
from seqloom.train import preemption
from seqloom.train.folder import RunFolder
from seqloom.train.ranks.stacks import (
    STAGES,
    facts_file,
    in_debugger,
    rank_error,
    stack_file,
    stack_of,
    the_one_that_hangs,
    where,
)
from seqloom.train.record import record_hang
from seqloom.train.watch import Process

SUSPENDED = 10.0
"""Seconds by which a look comes late if the process was stopped meanwhile, as by Ctrl-Z."""

GRACE = 30.0
"""Seconds in which a run ends by itself after the error, or `hang_timeout` if that is less."""

LAST_WORDS = 10.0
"""Seconds that a process has to record why it ends."""


class Heartbeat(pl.Callback):
    """Records what a process is doing, and writes its stacks if it does not get on.

    Args:
        folder: Folder of its files.
        rank: Number of this rank; None: the run is on one device.
        timeout: Seconds without progress.
        end: Function that ends the run if this process has made no progress, given its step and
            stage; it is called in a thread. None: whoever launched this process does it.

    Raises:
        ConfigError: There is no time to wait.
    """

    def __init__(
        self,
        folder: Path,
        rank: int | None,
        timeout: float,
        end: Callable[[tuple[int, str]], None] | None = None,
    ) -> None:
        self.folder, self.rank, self.timeout, self.end = folder, rank, checked(timeout), end
        self._doing = (0, STAGES[0])
        self._changed = self._armed = 0.0
        self._every = min(1.0, timeout / 20)  # setting the timer starts a thread
        self._stacks: TextIOWrapper | None = None
        self._over = threading.Event()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the timer."""
        path = stack_file(self.folder, self.rank)
        path.unlink(missing_ok=True)
        self._stacks = path.open("a", encoding="utf-8")
        self._write(known=False)
        self._progress(trainer, "loading")
        threading.Thread(target=self._watch, name="seqloom-heartbeat", daemon=True).start()

    def on_train_batch_start(self, trainer: pl.Trainer, *rest: Any) -> None:
        """Record that a batch is loaded."""
        self._progress(trainer, "forward")

    def on_before_backward(self, trainer: pl.Trainer, *rest: Any) -> None:
        """Record that the loss is known."""
        self._progress(trainer, "backward")

    def on_after_backward(self, trainer: pl.Trainer, *rest: Any) -> None:
        """Record that the gradients are known."""
        self._progress(trainer, "update")

    def on_train_batch_end(self, trainer: pl.Trainer, *rest: Any) -> None:
        """Record that a batch is complete."""
        self._progress(trainer, "loading")

    def on_validation_batch_end(self, trainer: pl.Trainer, *rest: Any) -> None:
        """Record that a batch of the validation is complete."""
        self._progress(trainer, "validation")

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop the timer."""
        self._stop()

    def on_exception(self, *args: Any) -> None:
        """Stop the timer."""
        self._stop()

    def _stop(self) -> None:
        if self._stacks is not None:
            self._over.set()
            faulthandler.cancel_dump_traceback_later()
            self._stacks.close()
            self._stacks = None
            path = stack_file(self.folder, self.rank)
            if self.rank is None and not stack_of(path):
                path.unlink(missing_ok=True)

    def _progress(self, trainer: pl.Trainer, stage: str) -> None:
        before = self._changed
        self._doing, self._changed = (trainer.global_step, stage), time.monotonic()
        if self._stacks is not None and self._changed - self._armed >= self._every:
            if before and self._changed - before > self.timeout / 2:
                self._stacks.truncate(0)  # it was slow, but does not hang
            self._arm(self._stacks)

    def _arm(self, stacks: TextIOWrapper) -> None:
        self._armed = time.monotonic()
        faulthandler.dump_traceback_later(self.timeout, file=stacks)

    def _watch(self) -> None:
        written, last = None, time.monotonic()
        while not self._over.wait(self._every):
            before, last = last, time.monotonic()
            if last - before > self._every + SUSPENDED:
                self._begin_again()
            stalled = last - self._changed
            if self.rank is not None and stalled > self.timeout / 2 and written != self._doing:
                written = self._doing
                self._write(known=True)
            if self.end is not None and stalled > self.timeout + _settling(self.timeout):
                if not in_debugger(stack_of(stack_file(self.folder, self.rank))):
                    self.end(self._doing)
                    return
                self._begin_again()

    def _begin_again(self) -> None:
        """Count from now: the process was stopped from outside, or waits in a debugger."""
        stacks = self._stacks
        if stacks is not None:
            self._changed = time.monotonic()
            self._arm(stacks)
            stacks.truncate(0)

    def _write(self, *, known: bool) -> None:
        if self.rank is not None:
            facts = {"process": Process.current().to_text(), "known": known}
            with suppress(RunError):
                write_json(facts_file(self.folder, self.rank), {**facts, "doing": self._doing})


class HangEnd:
    """Ends the run of this process when it hangs, where no launcher does it.

    It raises an error in the main thread, so that the run ends like any other that failed, and a
    sweep continues. Where that thread does not return to Python, the process records the failure
    and ends.

    Args:
        folder: Folder of the run.
        rank: Number of this process; None: the run is on one device.
        ranks: Number of processes.
        timeout: Seconds without progress after which it is called.
    """

    def __init__(self, folder: RunFolder, rank: int | None, ranks: int, timeout: float) -> None:
        self.folder, self.rank, self.ranks, self.timeout = folder, rank, ranks, timeout
        self._in_main = threading.current_thread() is threading.main_thread()
        self._left = threading.Event()

    def __enter__(self) -> HangEnd:
        """Begin the block that is left by the error."""
        return self

    def __exit__(self, *_: object) -> None:
        """Note that the block was left, so that the process may live."""
        self._left.set()

    def __call__(self, doing: tuple[int, str]) -> None:
        """End the run; the step and stage are those in which this process makes no progress."""
        grace, error = min(GRACE, self.timeout), self._error(doing)
        if self.rank:
            # The first process ends, and with it the others; unless it is the one that hangs.
            if self._left.wait(2 * grace):
                return
        elif self._in_main and preemption.raise_in_main_thread(error) and self._left.wait(grace):
            return
        # What hangs may hold a lock of the log, or be the file system itself.
        threading.Timer(LAST_WORDS, os._exit, (1,)).start()
        record_hang(self.folder, error)
        logging.getLogger("seqloom").error("Error: %s", error)
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)  # the main thread does not respond, so Python's own exit would hang as well

    def _error(self, doing: tuple[int, str]) -> RunError:
        if self.rank is not None:
            found = the_one_that_hangs(self.folder.ranks, self.ranks)
            return rank_error(found, self.ranks, self.timeout, self.folder.ranks)
        path = stack_file(self.folder.path, None)
        return RunError(
            f"The run has made no progress for {self.timeout:g} s{where(doing, stack_of(path))}"
            f"The stacks of all threads are in {path}; hang_timeout=SECONDS sets how long to wait.",
            cause=Cause.hangs,
        )


class HangWatch:
    """Looks for a rank that hangs, and kills it, so that the others end too.

    Args:
        folder: Folder of the ranks' files.
        ranks: Number of ranks.
        timeout: Seconds without progress, as the ranks' own timers have it; None: do not look.

    Attributes:
        error: Error that says which rank hangs and what it was doing; None if none does.

    Raises:
        ConfigError: There is no time to wait.
    """

    def __init__(self, folder: Path, ranks: int, timeout: float | None) -> None:
        self.folder, self.ranks = folder, ranks
        self.timeout = None if timeout is None else checked(timeout)
        self.error: RunError | None = None
        self._over = threading.Event()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look while the block runs."""
        self._over.clear()
        if self.timeout is None:
            yield
            return
        thread = threading.Thread(target=self._watch, name="seqloom-hang", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _watch(self) -> None:
        assert self.timeout is not None
        while not self._over.wait(min(1.0, self.timeout / 10)):
            # Ranks that were ahead notice later, and one that was only slow takes it back.
            if self._seen() and not self._over.wait(_settling(self.timeout)) and self._seen():
                self._end()
                return

    def _seen(self) -> bool:
        return any(stack_of(stack_file(self.folder, rank)) for rank in range(self.ranks))

    def _end(self) -> None:
        assert self.timeout is not None
        found = the_one_that_hangs(self.folder, self.ranks)
        self.error = rank_error(found, self.ranks, self.timeout, self.folder)
        found.kill()


def checked(timeout: float) -> float:
    """Return a time to wait for progress, in seconds.

    Raises:
        ConfigError: It is none.
    """
    if timeout <= 0:
        raise ConfigError(
            f"hang_timeout={timeout:g}: expected seconds, more than 0, or null.",
            cause=Cause.wrong_value,
        )
    return timeout


def _settling(timeout: float) -> float:
    """Return the seconds within which the timers of all ranks have run out after the first."""
    return 2 * min(1.0, timeout / 10) + timeout / 10
