"""Let one process at a time write a folder, also on a shared file system and after a crash.

The holder's name stands in ``lease.json``. On one machine a holder is alive as long as its
process exists; on another, as long as it renews the file. Files appear by a hard link and are
replaced by a rename, both of which a shared file system does at one stroke. No lock is asked of it.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from seqloom.errors import RunError
from seqloom.files import cannot_write
from seqloom.train.watch import Process

EXPIRY = 60.0
"""Seconds after which a holder on another machine that renews nothing counts as gone."""

RENEWAL = 10.0
"""Seconds between two renewals."""

_WRITING = 2.0  # seconds for which a lease that cannot be read may be one that is being written
_NAME = "lease.json"
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}

_ahead: dict[int, float] = {}  # seconds by which a file system's clock is ahead of ours, by device


@dataclass(frozen=True)
class Holder:
    """Who holds a folder.

    Attributes:
        token: of this very lease.
        process: that holds it; None if the file does not say, as it is being written.
        since: the time at which it was taken, in ISO 8601.
        age: seconds since it was renewed.
    """

    token: str
    process: Process | None
    since: str
    age: float

    @property
    def alive(self) -> bool:
        """Whether it holds the folder still."""
        if self.process is None:
            return self.age < _WRITING
        return self.process.alive() if self.process.here else self.age < EXPIRY

    def __str__(self) -> str:
        """Say who it is and what to do about it."""
        if self.process is None:
            return "another process is taking it just now. Try again in a few seconds."
        who = f"process {self.process.pid} on {self.process.host} has held it since {self.since}"
        if self.process == Process.current():
            return f"{who}, and is this very process. End its other use of the folder first."
        if self.process.here:
            return f"{who}. Wait for it to end, or stop it: kill {self.process.pid}"
        return (
            f"{who} and renewed it {max(self.age, 0):.0f} s ago. Wait for it to end, or stop it "
            f"there; if that machine is gone, try again in {EXPIRY:.0f} s."
        )


class Lease:
    """The right to write a folder while the block lasts.

    A thread renews it, and puts it back if somebody has removed the file.

    Attributes:
        token: names this lease.
        when_lost: called by that thread once another process has taken the folder, as it may
            during a long sleep of this one.
    """

    def __init__(self, folder: Path, when_lost: Callable[[], None] | None = None) -> None:
        self.token = uuid.uuid4().hex
        self.when_lost = when_lost
        self._path = folder / _NAME
        self._owner = Process.current()
        self._claim = b""
        self._renewed = time.time()
        self._ended = threading.Event()
        self._renewal = threading.Thread(target=self._keep, name="seqloom-lease", daemon=True)

    def __enter__(self) -> Lease:
        """Take the folder, which is made if need be.

        Raises:
            RunError: a live process holds it, this one included, or it cannot be written.
        """
        self._claim = _content(self.token, self._owner)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            other = _take(self._path, self._claim)
        except OSError as error:
            raise cannot_write(self._path, error) from error
        if other is not None:
            raise RunError(f"{self._path.parent} is in use: {other}")
        _sweep_up(self._path)
        self._renewal.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the folder back, if it is still ours and we are not a fork of its holder."""
        if self._owner.pid == os.getpid():
            self._ended.set()
            self._renewal.join()  # else it might put back what is removed here
            with suppress(OSError):  # what is left behind counts as dead anyway
                self._release()

    def _keep(self) -> None:
        while not self._ended.wait(RENEWAL):
            if not self._renew():
                if self.when_lost and not self._ended.is_set():
                    self.when_lost()
                return

    def _renew(self) -> bool:
        """Renew the lease, or put it back; return False if it is another's."""
        slept, self._renewed = time.time() - self._renewed > EXPIRY, time.time()
        with suppress(OSError):  # a file server that is away for a moment; the next one will tell
            found = self._touch()
            if found not in (None, self.token):
                return False
            if found is None and slept:  # another may have had the folder, and given it back
                return False
            if found is None:  # removed or damaged: if another is quicker, the next one will tell
                _take(self._path, self._claim)
        return True

    def _touch(self) -> str | None:
        """Renew the lease if it is ours; return the token that stands there, if any."""
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
                if _stands(self._path, self.token):
                    self._path.unlink()
            finally:
                guard.unlink(missing_ok=True)


def locked(folder: Path) -> Lease:
    """Return a lease on a folder that ends this process if another one takes the folder."""
    return Lease(folder, when_lost=lambda: end_process(folder))


def end_process(folder: Path) -> None:
    """End this process at once (SIGKILL), as its folder is another's now.

    Nothing more is written there. Ranks and workers notice, and end too.

    Args:
        folder: that was lost.
    """
    try:
        print(
            f"Error: {folder} was taken by another process while this one slept. This one ends; "
            "the other goes on.",
            file=sys.stderr,
            flush=True,
        )
    finally:  # also if nobody reads what is said
        os.kill(os.getpid(), signal.SIGKILL)
        os._exit(128 + signal.SIGKILL)  # the first process of a container is spared its own signals


def holder(folder: Path) -> Holder | None:
    """Return who holds a folder; None if nobody does, or nobody who is alive.

    It only reads, so a folder on a read-only mount will do, and takes a damaged file for none. How
    long ago a holder on another machine renewed it goes by the file system's clock if this process
    has held a lease on that file system, else by the clock of this machine.
    """
    try:
        found = _look(folder / _NAME)
    except OSError:
        return None
    return found if found is not None and found.process is not None and found.alive else None


def _content(token: str, owner: Process) -> bytes:
    since = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    return json.dumps({"token": token, **asdict(owner), "since": since}, indent=2).encode()


def _take(path: Path, content: bytes) -> Holder | None:
    """Put a claim at a path unless a live one stands there; return who is in the way.

    A dead claim is replaced only by who holds the guard that bears its token, and only while it
    still stands there. So of several that find it dead one replaces it, and the others find the
    new one. The guard is a claim itself: one whose holder has died is replaced the same way.
    """
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        draft.write_bytes(content)
        _set_clock(draft.stat())
        while not _put(draft, path, content):
            found = _look(path)
            if found is None:
                continue  # given back in the meantime
            if found.alive:
                return found
            guard = _guard(path, found.token)
            other = _take(guard, content)
            if other is not None:
                return other
            try:
                if _stands(path, found.token):
                    draft.replace(path)
                    return None
            finally:
                guard.unlink(missing_ok=True)
        return None
    finally:
        draft.unlink(missing_ok=True)


def _put(draft: Path, path: Path, content: bytes) -> bool:
    """Make a whole file appear at a path if nothing is there; return whether it did."""
    try:
        os.link(draft, path)
    except FileExistsError:
        return draft.stat().st_nlink > 1  # done, but the file server's first answer was lost
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
    return path.with_name(f".{_NAME}.{token}.taking")


def _stands(path: Path, token: str) -> bool:
    found = _look(path)
    return found is not None and found.token == token


def _look(path: Path) -> Holder | None:
    """Return who stands at a path, dead or alive; None if there is no file."""
    try:
        with path.open("rb") as file:  # opened, a shared file shows the server's own times
            content, stat = file.read(), os.fstat(file.fileno())
    except FileNotFoundError:
        return None
    age = time.time() + _ahead.get(stat.st_dev, 0) - stat.st_mtime
    known = _parse(content)
    if known is None:
        return Holder(f"damaged-{stat.st_mtime_ns}", None, "", age)
    token, process, since = known
    return Holder(token, process, since, age)


def _parse(content: bytes) -> tuple[str, Process, str] | None:
    with suppress(ValueError, KeyError, TypeError):
        found: dict[str, Any] = json.loads(content)
        pid, words = found["pid"], [found[name] for name in ("token", "started", "host", "boot")]
        if isinstance(pid, int) and pid > 0 and all(isinstance(word, str) for word in words):
            return words[0], Process(pid, *words[1:]), str(found.get("since", "an unknown time"))
    return None


def _token(content: bytes) -> str | None:
    known = _parse(content)
    return None if known is None else known[0]


def _set_clock(written: os.stat_result) -> None:
    """Learn a file system's clock from a file that was written just now."""
    _ahead[written.st_dev] = written.st_mtime - time.time()


def _sweep_up(path: Path) -> None:
    """Remove what killed processes left beside a lease that was just taken."""
    with suppress(OSError):
        now = path.stat().st_mtime
        for left in path.parent.glob(f".{_NAME}.*"):
            if now - left.stat().st_mtime > EXPIRY:
                left.unlink(missing_ok=True)
