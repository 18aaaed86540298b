"""The failures of ``seqloom chaos``: what happens to a run's processes, files and disk."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from seqloom.train.folder import RunFolder
from seqloom.train.lease import LEASE

TOKEN_VARIABLE = "SEQLOOM_CHAOS"
"""Environment variable by which the processes of an attempt are found, whoever their parent is."""

END_SECONDS = 120.0
"""Seconds that a program has to end after one of the processes that it started was killed."""

ORPHAN_SECONDS = 5.0
"""Seconds after the end of the program after which none of its processes may be left."""

POLL = 0.02
"""Seconds between two looks at the log of an attempt."""


@dataclass
class Attempt:
    """A process that trains, with all that it started.

    Args:
        command: Its command.
        log: File for its output.
        file_bytes: Largest file that it may write, as on a disk that is nearly full.
    """

    command: Sequence[str]
    log: Path
    file_bytes: int | None = None
    token: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __post_init__(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, TOKEN_VARIABLE: self.token},
                start_new_session=True,
                preexec_fn=self._limit if self.file_bytes else None,  # noqa: PLW1509 — no threads
            )

    def _limit(self) -> None:
        assert self.file_bytes
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.file_bytes, self.file_bytes))

    def wait_until(self, reached: Callable[[], bool]) -> bool:
        """Wait for a condition; return False if the attempt ended before."""
        while not reached():
            if self.process.poll() is not None:
                return False
            time.sleep(POLL)
        return True

    def pids(self) -> list[int]:
        """Return the processes of this attempt that are alive."""
        mark = f"{TOKEN_VARIABLE}={self.token}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdecimal():
                continue
            try:
                state = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
                if state not in "ZX" and mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:  # it has just ended, or belongs to someone else
                continue
        return sorted(found)

    def kill_one(self, rng: random.Random) -> str:
        """Kill one of its processes, wait for the end of the others, and say which it was."""
        pids = self.pids() or [self.process.pid]
        victim = rng.choice(pids)
        os.kill(victim, signal.SIGKILL)
        whose = "the program" if victim == self.process.pid else f"1 of its {len(pids) - 1} others"
        return f"SIGKILL of {whose}"

    def orphans(self) -> int:
        """Return how many processes live on; they have some seconds to end, and are ended then."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(END_SECONDS)  # a busy machine takes long to tidy up
        deadline = time.monotonic() + ORPHAN_SECONDS
        while (left := self.pids()) and time.monotonic() < deadline:
            time.sleep(POLL)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()
        return len(left)


def flip_bit(folder: RunFolder, rng: random.Random) -> str:
    """Flip one bit of the last checkpoint."""
    content = bytearray(folder.last.read_bytes())
    place = rng.randrange(len(content))
    content[place] ^= 1 << rng.randrange(8)
    folder.last.write_bytes(content)
    return f"bit flipped at byte {place:,} of {folder.last.name}"


def cut_file(folder: RunFolder, rng: random.Random) -> str:
    """Cut the last checkpoint short."""
    size = folder.last.stat().st_size
    kept = rng.randrange(size)
    os.truncate(folder.last, kept)
    return f"{folder.last.name} cut to {kept:,} of {size:,} bytes"


def lose_machine(folder: RunFolder, rng: random.Random) -> str:
    """Leave the lease of a machine that is lost, renewed a moment ago."""
    holder = {
        "token": uuid.UUID(int=rng.getrandbits(128)).hex,
        "pid": rng.randrange(2, 30_000),
        "started": "1",
        "host": "lost-node",
        "boot": "lost",
        "since": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }
    (folder.path / LEASE).write_text(json.dumps(holder), encoding="utf-8")
    return "lease of a lost machine"


def python_program() -> list[str]:
    """Return the command of the program, as this interpreter runs it."""
    return [sys.executable, "-P", "-c", "from seqloom.cli.main import main; main()"]
