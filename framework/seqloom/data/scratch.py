"""Folders that a process builds in; of a process that was killed, the next one removes them."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import weakref
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # not on this platform: nothing tells which folders are in use
    fcntl = None  # type: ignore[assignment]

PREFIX = "seqloom-building-"
LOCK = "lock"
OLD = 86400.0
"""Age in seconds from which on a folder without a lock is not just being made or removed.

By the clock of this machine, which may be hours apart from that of the file system.
"""

VERY_OLD = 30 * 86400.0
"""Age in seconds from which on a folder is left where the file system knows no locks."""


class Scratch:
    """A folder for this process alone, which is removed with this object, or at the end.

    The process holds a lock on a file in it as long as it lives.

    Args:
        parent: Folder to make it in; None: the one for temporary files.

    Attributes:
        path: The folder.

    Raises:
        OSError: It cannot be made.
    """

    def __init__(self, parent: Path | None = None) -> None:
        parent = Path(tempfile.gettempdir()) if parent is None else parent
        remove_leftovers(parent)
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        draft = self.path / f"{LOCK}.new"
        self._lock = os.open(draft, os.O_RDWR | os.O_CREAT, 0o600)
        try_lock(self._lock)
        draft.rename(self.path / LOCK)  # a lock that others see is held
        self._end = weakref.finalize(self, _remove, self.path, self._lock, os.getpid())

    def remove(self) -> None:
        """Remove the folder now; what is mapped into memory stays there."""
        self._end()


def remove_leftovers(parent: Path) -> None:
    """Remove the folders that killed processes of this user left in a folder."""
    if fcntl is None:
        return
    with suppress(OSError):
        for folder in sorted(parent.glob(f"{PREFIX}*")):
            if folder.is_dir() and not folder.is_symlink() and _is_left(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _is_left(folder: Path) -> bool:
    """Return whether nobody holds the lock; a new folder without one is just being made."""
    found = folder.lstat()
    age = time.time() - found.st_mtime
    try:
        if found.st_uid != os.getuid():
            return False
        lock = os.open(folder / LOCK, os.O_RDWR)
    except FileNotFoundError:
        return age > OLD
    except OSError:
        return False
    try:
        locked = _locked(lock)
    finally:
        os.close(lock)
    return age > VERY_OLD if locked is None else locked


def try_lock(file: int, *, shared: bool = False) -> bool:
    """Lock an open file; return False if another process has locked it.

    Several processes may have a shared lock, while none has one that is not. True also where there
    are no locks, on this platform or this file system.
    """
    return _locked(file, shared=shared) is not False


def _locked(file: int, *, shared: bool = False) -> bool | None:
    """Lock an open file; return whether this process has the lock, None if there are no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _remove(folder: Path, lock: int, owner: int) -> None:
    if os.getpid() == owner:  # and not in a process that was forked from it
        with suppress(OSError):
            os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)
