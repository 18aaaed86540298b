"""Let one process at a time write a folder, also on a shared file system and after a crash.

``lease.json`` names the holder. A holder on this machine is alive as long as its process exists;
one on another machine, as long as it renews the file. A machine that was lost cannot release what
it held, so its lease is waited out. Files are created by a hard link and replaced
by a rename, which are both atomic on shared file systems. File locks are not used.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from seqloom.files import cannot_write
from seqloom.slurm import BatchJob
from seqloom.train import preemption
from seqloom.train.clock import uptime
from seqloom.train.in_use import FOLDER, in_use, inode_of
from seqloom.train.watch import Process

log = logging.getLogger("seqloom")

EXPIRY = 60.0
"""Seconds without renewal after which a holder on another machine counts as dead."""

RENEWAL = 10.0
"""Seconds between two renewals."""

POLL = 1.0
"""Seconds between two looks at a lease that is waited for."""

_WRITING = 2.0  # seconds for which an unreadable lease may still be being written
LEASE = "lease.json"
"""Name of the file that names the holder."""

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}

_ahead: dict[int, float] = {}  # seconds by which a file system's clock is ahead of ours, by device


@dataclass(frozen=True)
class Holder:
    """The holder of a folder.

    Attributes:
        token: Identifier of the lease.
        process: Process that holds it; None if the file is incomplete, because it is being written.
        since: Time at which it was acquired, in ISO 8601.
        age: Seconds since its last renewal.
        renewed: Time of its last renewal, by the clock of the file system in nanoseconds.
        job: Batch job of the holder; None outside of Slurm.
    """

    token: str
    process: Process | None
    since: str
    age: float
    renewed: int = 0
    job: BatchJob | None = None

    @property
    def alive(self) -> bool:
        """Whether it still holds the folder."""
        if self.process is None:
            return self.age < _WRITING
        return self.process.alive() if self.process.here else self.age < EXPIRY

    @property
    def may_end_soon(self) -> bool:
        """Whether it may be gone although it counts as alive, so that waiting can help.

        Nobody can tell a machine that was lost from one that renews the lease in a few seconds.
        And Slurm may start a job again while processes of its previous start are still ending.
        """
        if self.process is None or not self.process.here:
            return True
        own = BatchJob.current()
        return bool(own and self.job and self.job.name == own.name and self.job != own)

    def __str__(self) -> str:
        """Return a description of the holder, with what the user can do."""
        if self.process is None:
            return "another process is acquiring it. Try again in a few seconds."
        who = f"process {self.process.pid} on {self.process.host} has held it since {self.since}"
        if self.process == Process.current():
            return f"{who}, and is this process itself. End its other use of the folder first."
        if self.process.here:
            return f"{who}. Wait for it to end, or stop it: kill {self.process.pid}"
        return (
            f"{who} and renewed it {max(self.age, 0):.0f} s ago. Wait for it to end, or stop it "
            "there."
        )


class Lease:
    """The exclusive right to write a folder within the block.

    A thread renews it, and restores the file if it was removed.

    Attributes:
        token: Identifier of the lease.
        when_lost: Function that the thread calls when another process has taken the folder, which
            can happen while this one was suspended.
        patient: Whether to wait for a holder that may be gone: one on a machine that was lost.
    """

    def __init__(
        self, folder: Path, when_lost: Callable[[], None] | None = None, *, patient: bool = False
    ) -> None:
        self.token = uuid.uuid4().hex
        self.when_lost = when_lost
        self.patient = patient
        self._path = folder / LEASE
        self._owner = Process.current()
        self._claim = b""
        self._renewed = uptime()
        self._ended = threading.Event()
        self._renewal = threading.Thread(target=self._keep, name="seqloom-lease", daemon=True)

    def __enter__(self) -> Lease:
        """Acquire the folder, which is created if it does not exist.

        Raises:
            RunError: A live process holds it, perhaps this one, or it cannot be written.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._claim = _content(self.token, self._owner, inode_of(self._path.parent))
            other = _take(self._path, self._claim)
            if other is not None and self.patient:
                other = self._wait_for(other)
        except OSError as error:
            raise cannot_write(self._path, error) from error
        if other is not None:
            raise in_use(self._path, other)
        _remove_leftovers(self._path)
        self._renewal.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Release the folder, unless it was lost or this process is a fork of its holder."""
        if self._owner.pid == os.getpid():
            self._ended.set()
            self._renewal.join()  # otherwise, it might restore what is removed here
            with suppress(OSError):  # a file that remains counts as dead anyway
                self._release()

    def _wait_for(self, first: Holder) -> Holder | None:
        """Take the folder as soon as its holder is dead; return a holder that shows life.

        A holder that has not renewed its lease for as long as it takes to expire is dead whatever
        the clocks say.
        """
        start, told = time.monotonic(), False
        other: Holder | None = first
        while other is not None and other.may_end_soon:
            if other.token != first.token:
                return other  # another process was quicker
            elsewhere = other.process is not None and not other.process.here
            if elsewhere and other.renewed != first.renewed:
                return other
            waited = time.monotonic() - start
            if not elsewhere and waited > EXPIRY:
                return other
            if not told and other.process is not None:
                log.warning("%s", _waiting(self._path.parent, other))
                told = True
            time.sleep(POLL)
            preemption.check()
            other = _take(self._path, self._claim, dead=first.token if waited > EXPIRY else None)
        return other

    def _keep(self) -> None:
        while not self._ended.wait(RENEWAL):
            if not self._renew():
                if self.when_lost and not self._ended.is_set():
                    self.when_lost()
                return

    def _renew(self) -> bool:
        """Renew or restore the lease; return False if another process has it."""
        slept, self._renewed = uptime() - self._renewed > EXPIRY, uptime()
        with suppress(OSError):  # the file server is unavailable; try again at the next renewal
            found = self._touch()
            if found not in (None, self.token):
                return False
            if found is None and slept:  # another process may have held and released the folder
                return False
            if found is None:  # removed or damaged; the next renewal notices if another was quicker
                _take(self._path, self._claim)
        return True

    def _touch(self) -> str | None:
        """Renew the lease if it is ours; return the token in the file, if any."""
        try:
            with self._path.open("rb") as file:
                token = _token(file.read())
                if token == self.token:
                    os.utime(file.fileno() if os.utime in os.supports_fd else self._path)
                    _set_clock(os.fstat(file.fileno()))
                return token
        except FileNotFoundError:
            return None

    def _release(self) -> None:
        guard = _guard(self._path, self.token)
        if _take(guard, _content(uuid.uuid4().hex, self._owner)) is None:
            try:
                if _has_token(self._path, self.token):
                    self._path.unlink()
            finally:
                guard.unlink(missing_ok=True)


def locked(folder: Path) -> Lease:
    """Return a patient lease that ends this process if another process takes the folder."""
    return Lease(folder, when_lost=lambda: end_process(folder), patient=True)


def end_process(folder: Path) -> None:
    """End this process at once (SIGKILL), since another process holds its folder now.

    Nothing more is written there. Ranks and workers notice, and end too.

    Args:
        folder: Folder that was lost.
    """
    try:
        print(
            f"Error: {folder} was taken by another process while this one was suspended. This "
            "process ends; the other continues.",
            file=sys.stderr,
            flush=True,
        )
    finally:  # also if the message cannot be written
        os.kill(os.getpid(), signal.SIGKILL)
        os._exit(128 + signal.SIGKILL)  # a container's first process ignores its own signals


def holder(folder: Path) -> Holder | None:
    """Return the live holder of a folder; None if there is none.

    It only reads, so it works on a read-only mount; a damaged file counts as no lease. The age of a
    lease of another machine is measured by the file system's clock if this process has held a lease
    on that file system, otherwise by the clock of this machine.
    """
    try:
        found = _look(folder / LEASE)
    except OSError:
        return None
    return found if found is not None and found.process is not None and found.alive else None


def _waiting(folder: Path, other: Holder) -> str:
    """Return what is waited for, and for how long."""
    assert other.process is not None
    who = f"process {other.process.pid} on {other.process.host}"
    if other.process.here:
        return f"{folder} is held by {who}, of this job's previous start: waiting for it to end."
    left = min(max(EXPIRY - other.age, 0), EXPIRY)
    return (
        f"{folder} is held by {who}, which renewed it {max(other.age, 0):.0f} s ago. If that "
        f"machine is lost, this process continues in {left:.0f} s: waiting."
    )


def _content(token: str, owner: Process, folder: int | None = None) -> bytes:
    since, job = time.strftime("%Y-%m-%dT%H:%M:%S%z"), BatchJob.current()
    found = {"token": token, **asdict(owner), "since": since, FOLDER: folder}
    return json.dumps(found | ({"job": asdict(job)} if job else {}), indent=2).encode()


def _take(path: Path, content: bytes, dead: str | None = None) -> Holder | None:
    """Write a claim to a path unless a live one is there; return its holder in that case.

    A claim with the token ``dead`` is known to be dead.

    A dead claim is replaced only by the holder of the guard with its token, and only while it is
    still there. So one of several processes that find it dead replaces it, and the others find the
    new claim. The guard is itself a claim: if its holder has died, it is replaced the same way.
    """
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        draft.write_bytes(content)
        _set_clock(draft.stat())
        while not _put(draft, path, content):
            found = _look(path)
            if found is None:
                continue  # released in the meantime
            if found.alive and found.token != dead:
                return found
            guard = _guard(path, found.token)
            other = _take(guard, content)
            if other is not None:
                return other
            try:
                if _has_token(path, found.token):
                    draft.replace(path)
                    return None
            finally:
                guard.unlink(missing_ok=True)
        return None
    finally:
        draft.unlink(missing_ok=True)


def _put(draft: Path, path: Path, content: bytes) -> bool:
    """Create a complete file at a path if there is none; return whether it was created."""
    try:
        os.link(draft, path)
    except FileExistsError:
        return draft.stat().st_nlink > 1  # created, but the file server's first reply was lost
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return _create(path, content)
    return True


def _create(path: Path, content: bytes) -> bool:
    # Where there are no hard links, the file is empty for a moment: see Holder.alive.
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        return False
    return True


def _guard(path: Path, token: str) -> Path:
    return path.with_name(f".{LEASE}.{token}.taking")


def _has_token(path: Path, token: str) -> bool:
    found = _look(path)
    return found is not None and found.token == token


def _look(path: Path) -> Holder | None:
    """Return the holder recorded at a path, dead or alive; None if there is no file."""
    try:
        if path.exists() and not path.is_file():  # opening a pipe waits, and a device has no end
            raise OSError(errno.EINVAL, "it is not a regular file")
        with path.open("rb") as file:  # an open file shows the file server's current times
            content, stat = file.read(), os.fstat(file.fileno())
    except FileNotFoundError:
        return None
    age = time.time() + _ahead.get(stat.st_dev, 0) - stat.st_mtime
    known = _parse(content)
    if known is None:
        return Holder(f"damaged-{stat.st_mtime_ns}", None, "", age)
    return replace(known, age=age, renewed=stat.st_mtime_ns)


def _parse(content: bytes) -> Holder | None:
    with suppress(ValueError, KeyError, TypeError, RecursionError):
        found: dict[str, Any] = json.loads(content)
        pid, words = found["pid"], [found[name] for name in ("token", "started", "host", "boot")]
        if isinstance(pid, int) and pid > 0 and all(isinstance(word, str) for word in words):
            since, job = str(found.get("since", "an unknown time")), found.get("job")
            holder = Holder(words[0], Process(pid, *words[1:]), since, 0)
            return replace(holder, job=BatchJob(**job)) if isinstance(job, dict) else holder
    return None


def _token(content: bytes) -> str | None:
    known = _parse(content)
    return None if known is None else known.token


def _set_clock(written: os.stat_result) -> None:
    """Measure a file system's clock by a file that was just written."""
    _ahead[written.st_dev] = written.st_mtime - time.time()


def _remove_leftovers(path: Path) -> None:
    """Remove files that killed processes left beside a lease that was just acquired."""
    with suppress(OSError):
        now = path.stat().st_mtime
        for left in path.parent.glob(f".{LEASE}.*"):
            if now - left.stat().st_mtime > EXPIRY:
                left.unlink(missing_ok=True)
