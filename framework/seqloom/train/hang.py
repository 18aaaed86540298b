"""Notice a rank that hangs, and say what it was doing.

Each rank arms a timer of `faulthandler`, which writes the stacks of its threads to a file if there
is no progress in time. It works without the interpreter, so it also shows where an extension waits
that holds its lock. All ranks stop with the one that hangs, so what they were doing tells it apart:
it has made the least progress, and does not wait for others.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from seqloom.errors import ConfigError, RunError
from seqloom.files import write_json
from seqloom.train.watch import Process

FRAMES = 8
"""Number of frames of a stack that an error shows."""

WAITING = ("distributed_c10d.py", "_engine_run_backward")
"""Words on top of the stack of a rank that waits for others: a collective, a backward pass."""

STAGES = ("loading", "validation", "forward", "backward", "update")
"""What a rank does between two steps and in one, in this order."""


class Heartbeat(pl.Callback):
    """Records what a rank is doing, and writes its stacks if it does not get on.

    Args:
        folder: Folder of the ranks' files.
        rank: Number of this rank.
        timeout: Seconds without progress.
    """

    def __init__(self, folder: Path, rank: int, timeout: float) -> None:
        self.folder, self.rank, self.timeout = folder, rank, timeout
        self._doing = (0, STAGES[0])
        self._changed = self._armed = 0.0
        self._every = min(1.0, timeout / 20)  # setting the timer starts a thread
        self._stacks: TextIOWrapper | None = None
        self._over = threading.Event()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the timer."""
        self._stacks = stack_file(self.folder, self.rank).open("w", encoding="utf-8")
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
        """Record that a step is complete."""
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

    def _progress(self, trainer: pl.Trainer, stage: str) -> None:
        self._doing, self._changed = (trainer.global_step, stage), time.monotonic()
        if self._stacks is not None and self._changed - self._armed >= self._every:
            self._armed = self._changed
            faulthandler.dump_traceback_later(self.timeout, file=self._stacks)

    def _watch(self) -> None:
        written = None
        while not self._over.wait(self._every):
            if time.monotonic() - self._changed > self.timeout / 2 and written != self._doing:
                written = self._doing
                self._write(known=True)

    def _write(self, *, known: bool) -> None:
        facts = {"process": Process.current().to_text(), "known": known}
        with suppress(RunError):
            write_json(_facts_file(self.folder, self.rank), {**facts, "doing": self._doing})


def stack_file(folder: Path, rank: int) -> Path:
    """Return the file that gets the stacks of a rank that hangs."""
    return folder / f"stack-{rank}.txt"


def _facts_file(folder: Path, rank: int) -> Path:
    return folder / f"progress-{rank}.json"


class HangWatch:
    """Looks for a rank that hangs, and kills it, so that the others end too.

    Args:
        folder: Folder of the ranks' files.
        ranks: Number of ranks.
        timeout: Seconds without progress, as the ranks' own timers have it; None: do not look.

    Attributes:
        error: Error that says which rank hangs and what it was doing; None if none does.
    """

    def __init__(self, folder: Path, ranks: int, timeout: float | None) -> None:
        if timeout is not None and timeout <= 0:
            raise ConfigError(f"hang_timeout={timeout:g}: expected seconds, more than 0, or null.")
        self.folder, self.ranks, self.timeout = folder, ranks, timeout
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
        every = min(1.0, self.timeout / 10)
        while not self._over.wait(every):
            if any(stack_of(stack_file(self.folder, rank)) for rank in range(self.ranks)):
                # Ranks that were ahead notice later.
                if not self._over.wait(2 * every + self.timeout / 10):
                    self._end()
                return

    def _end(self) -> None:
        seen = [Seen.read(self.folder, rank) for rank in range(self.ranks)]
        found = min(seen, key=Seen.order)
        self.error = RunError(
            f"Rank {found.rank} of {self.ranks} has made no progress for {self.timeout:g} s"
            f"{found.where()}The stacks of all ranks are in {self.folder}/stack-*.txt; "
            "hang_timeout=SECONDS sets how long to wait."
        )
        found.kill()


@dataclass(frozen=True)
class Seen:
    """What is known of a rank when one hangs.

    Attributes:
        rank: Its number.
        process: Its process, if it has started to train.
        doing: Its step and stage; None if it does not respond.
        stack: The frames of its main thread, the innermost first.
    """

    rank: int
    process: Process | None
    doing: tuple[int, str] | None
    stack: list[str]

    @classmethod
    def read(cls, folder: Path, rank: int) -> Seen:
        """Read what a rank has left."""
        process, doing = None, None
        with suppress(OSError, ValueError, LookupError, TypeError, RunError):
            facts = json.loads(_facts_file(folder, rank).read_text(encoding="utf-8"))
            process = Process.from_text(facts["process"])
            step, stage = facts["doing"]
            doing = (int(step), str(stage)) if facts["known"] else None
        return cls(rank, process, doing, stack_of(stack_file(folder, rank)))

    def order(self) -> tuple[bool, bool, int, int, bool]:
        """Return a key: the rank that hangs comes first."""
        step, stage = self.doing or (-1, "")
        return (
            bool(self.stack),
            self.doing is not None,
            step,
            STAGES.index(stage) if stage in STAGES else -1,
            any(word in frame for frame in self.stack[:2] for word in WAITING),
        )

    def where(self) -> str:
        """Return what the rank was doing, for the end of a sentence, with its stack."""
        if not self.stack:
            return ": its process is stopped, or was not scheduled. "
        doing = f" after step {self.doing[0]} ({self.doing[1]})" if self.doing else ""
        return "\n".join([f"{doing}. It was in", *self.stack[:FRAMES], ""])

    def kill(self) -> None:
        """Kill the rank."""
        if self.process is not None and self.process.here and self.process.alive():
            with suppress(OSError):
                os.kill(self.process.pid, signal.SIGKILL)


def stack_of(path: Path) -> list[str]:
    """Return the frames of the main thread in a file of `faulthandler`, the innermost first."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    last = text.rpartition("Timeout (")[2]
    threads = last.split("(most recent call first):")
    frames = [line.rstrip() for line in threads[-1].splitlines() if line.startswith("  File ")]
    return frames if len(threads) > 1 else []
