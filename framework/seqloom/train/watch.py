"""Identify a process, and end with it: no rank or worker continues after its sweep has ended.

A process that is killed cannot notify the processes that work for it, so each of them watches it.
The watch ends only its own process: ranks have their own watch, and data workers end with the
process that started them, see `seqloom.data.worker`.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from seqloom.errors import RunError
from seqloom.parent import end_with_parent, kill_this_process

OWNER_VARIABLE = "SEQLOOM_RUN_OWNER"
"""Environment variable that names the process of the run; its ranks end with it."""

SWEEP_VARIABLE = "SEQLOOM_SWEEP"
"""Environment variable that names the sweep's process to its joblib workers and submitted jobs."""

POLL = 0.5
"""Seconds between two checks of a watched process."""

_JOB_VARIABLE = "SLURM_JOB_ID"

_watched: dict[int, set[Process]] = {}  # by watching process: a fork has no thread


@dataclass(frozen=True)
class Process:
    """A process, distinguished from a later one with the same number.

    Attributes:
        pid: Number of the process.
        started: Its start time, as the operating system reports it.
        host: Name of the machine, for people.
        boot: Identifier of the machine's current boot and of the namespace of process numbers; if
            it differs, as in two containers of one name, numbers cannot be compared.
    """

    pid: int
    started: str
    host: str
    boot: str

    @classmethod
    def current(cls) -> Process:
        """Return the calling process."""
        pid = os.getpid()
        return cls(pid, _start(pid) or "", platform.node(), _boot())

    @property
    def here(self) -> bool:
        """Whether it belongs to this machine, so that it can be checked whether it is alive."""
        return self.boot == _boot()

    def alive(self) -> bool:
        """Return whether it exists, even if stopped; True if it is on another machine: unknown."""
        return not self.here or _start(self.pid) in (self.started, "")

    def to_text(self) -> str:
        """Return it as one word, for an environment variable."""
        return "@".join([str(self.pid), self.started, self.host, self.boot])

    @classmethod
    def from_text(cls, text: str) -> Process:
        """Return the process that :meth:`to_text` wrote.

        Raises:
            RunError: The text does not describe a process.
        """
        parts = text.split("@")
        if len(parts) != 4 or not parts[0].isdigit():
            raise RunError(
                f"Expected a process as PID@START@HOST@BOOT, but got {text!r}. A sweep sets "
                f"{SWEEP_VARIABLE} only for its own processes: unset it."
            )
        return cls(int(parts[0]), *parts[1:])


def die_with(*processes: Process) -> None:
    """Kill this process (SIGKILL) within a second after one of some processes has ended.

    A thread checks them, so this works while the main thread waits in a collective operation or
    reads. The thread cannot run while an extension holds the interpreter's lock, so the kernel is
    asked to signal the end of the parent as well, where it supports that.

    Args:
        processes: Processes to end with; one on another machine is not watched.
    """
    watched = _watched.setdefault(os.getpid(), set())
    first = not watched
    watched.update(process for process in processes if process.here)
    if any(process.pid == os.getppid() for process in watched):
        end_with_parent()
    if watched and first:
        threading.Thread(target=_watch, args=(watched,), name="seqloom-watch", daemon=True).start()


@contextmanager
def naming_sweep() -> Iterator[Process]:
    """Name this process as that of the sweep to the processes started within the block."""
    before = os.environ.get(SWEEP_VARIABLE)
    leader = Process.current()
    os.environ[SWEEP_VARIABLE] = f"{leader.to_text()};{os.environ.get(_JOB_VARIABLE, '')}"
    try:
        yield leader
    finally:
        if before is None:
            os.environ.pop(SWEEP_VARIABLE, None)
        else:
            os.environ[SWEEP_VARIABLE] = before


def sweep_leader() -> Process | None:
    """Return the process of the sweep, if there is one to end with.

    A separate Slurm job, which outlives the shell that submitted it, has none.

    Raises:
        RunError: The variable holds something else.
    """
    text, _, job = os.environ.get(SWEEP_VARIABLE, "").partition(";")
    if not text or job != os.environ.get(_JOB_VARIABLE, ""):
        return None
    leader = Process.from_text(text)
    return leader if leader.here and leader != Process.current() else None


def die_with_sweep() -> None:
    """Die with the process of the sweep, if this one works for a sweep; safe to repeat.

    Raises:
        RunError: The variable that names it holds something else.
    """
    leader = sweep_leader()
    if leader is not None:
        die_with(leader)


def _watch(watched: set[Process]) -> None:
    while all(process.alive() for process in list(watched)):
        time.sleep(POLL)
    kill_this_process()


def _start(pid: int) -> str | None:
    """Return a process's start time; None if it does not exist, empty if it is hidden."""
    try:
        return _start_by_proc(pid) if sys.platform == "linux" else _start_by_ps(pid)
    except PermissionError:
        return ""
    except OSError:
        return "" if _exists(pid) else None


def _start_by_proc(pid: int) -> str | None:
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    state, *fields = stat.rpartition(")")[2].split()  # a program's name may contain any character
    return None if state in "ZX" else fields[18]


def _start_by_ps(pid: int) -> str | None:
    command = ["ps", "-o", "stat=", "-o", "lstart=", "-p", str(pid)]
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    found = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    state, *words = found.stdout.split() or ["Z"]
    return None if state.startswith("Z") else "_".join(words)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


@cache
def _boot() -> str:
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    return platform.node()
