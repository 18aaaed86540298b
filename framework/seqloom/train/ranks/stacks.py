"""What ranks leave behind when one of them hangs: their stacks, and what they were doing."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seqloom.errors import RunError
from seqloom.train.watch import Process

FRAMES = 8
"""Number of frames of a stack that an error shows."""

WAITING = ("distributed_c10d.py", "_engine_run_backward", "nn/parallel/distributed.py")
"""Words on top of the stack of a rank that waits for others: a collective, a backward pass."""

STAGES = ("loading", "validation", "forward", "backward", "update")
"""What a rank does between two steps and in one, in this order."""

DEBUGGERS = ("pdb.py", "bdb.py", "pydevd.py")
"""Files of debuggers: a process that waits in one is no process that hangs."""


def stack_file(folder: Path, rank: int | None) -> Path:
    """Return the file that gets the stacks of a rank that hangs; None: of a run on one device."""
    return folder / ("stack.txt" if rank is None else f"stack-{rank}.txt")


def facts_file(folder: Path, rank: int) -> Path:
    """Return the file in which a rank writes its process, and what it does when it stalls."""
    return folder / f"progress-{rank}.json"


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
            facts = json.loads(facts_file(folder, rank).read_text(encoding="utf-8"))
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
            self.waits,
        )

    @property
    def waits(self) -> bool:
        """Whether it waits for other ranks."""
        return any(word in frame for frame in self.stack[:2] for word in WAITING)

    def where(self) -> str:
        """Return what the rank was doing, for the end of a sentence, with its stack."""
        if not self.stack:
            return ": its process is stopped, or was not scheduled. "
        return where(self.doing, self.stack)

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


def where(doing: tuple[int, str] | None, stack: list[str]) -> str:
    """Return what a process was doing, for the end of a sentence, with its stack."""
    what = f" after step {doing[0]} ({doing[1]})" if doing else ""
    return "\n".join([f"{what}. It was in", *stack[:FRAMES], ""])


def the_one_that_hangs(folder: Path, ranks: int) -> Seen:
    """Return the rank that the others wait for, by what all of them have left in a folder."""
    return min((Seen.read(folder, rank) for rank in range(ranks)), key=Seen.order)


def rank_error(found: Seen, ranks: int, timeout: float, folder: Path) -> RunError:
    """Return the error that names a rank that hangs, or says that none does."""
    if all(Seen.read(folder, rank).waits for rank in range(ranks)):
        return RunError(
            f"All {ranks} ranks have waited for one another for {timeout:g} s, so the network "
            f"between them is down, or too slow for hang_timeout={timeout:g}. If it is fixed, "
            f"resume the run: resume=auto. Rank {found.rank} was waiting{found.where()}The stacks "
            f"of all ranks are in {folder}/stack-*.txt."
        )
    return RunError(
        f"Rank {found.rank} of {ranks} has made no progress for {timeout:g} s{found.where()}"
        f"The stacks of all ranks are in {folder}/stack-*.txt; hang_timeout=SECONDS sets how long "
        "to wait."
    )


def in_debugger(stack: list[str]) -> bool:
    """Return whether a stack is that of a process that waits in a debugger."""
    return any(word in frame for frame in stack for word in DEBUGGERS)
