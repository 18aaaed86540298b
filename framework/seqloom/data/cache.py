"""Cache of encoded data: folders, each with the key of what it was made from.

An entry is built in a folder of its own and renamed when it is complete, so that what a killed
process leaves is never used; the next process removes it. While one process builds an entry, others
wait for it. What an entry holds is checked whenever it is opened, and a damaged one is removed.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import stat
import sys
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqloom.cores import available_cores
from seqloom.data.scratch import PREFIX, Scratch, remove_leftovers, try_lock
from seqloom.errors import ConfigError, DataError, RunError
from seqloom.files import expanded, read_json, sha256, sync, write_json

log = logging.getLogger("seqloom")

FACTS = "entry.json"
VARIABLE = "SEQLOOM_CACHE"
POLL = 0.2
"""Seconds between two looks at a lock."""

MOST_READERS = 4
"""Maximum number of files that are read at the same time."""

KEY = re.compile(r"[0-9a-f]{32}")
"""Names of entries: folders of other names are none, and are never removed."""


def cache_root() -> Path:
    """Return the folder of all that seqloom caches: ``$SEQLOOM_CACHE``, or the user's own.

    Raises:
        ConfigError: There is no home folder.
    """
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return home_of(chosen, VARIABLE)
    if sys.platform == "darwin":
        return home_of("~/Library/Caches/seqloom", VARIABLE)
    base = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    own = base if base and os.path.isabs(base) else "~/.cache"  # noqa: PTH117 - it is a text
    return home_of(own, VARIABLE) / "seqloom"


def home_of(path: str | Path, name: str) -> Path:
    """Return the folder that a path with ``~`` means.

    Args:
        path: The path.
        name: What sets it, for an error.

    Raises:
        ConfigError: This home folder does not exist.
    """
    found = expanded(path)
    if str(found).startswith("~"):
        raise ConfigError(f"{path}: this home folder does not exist. Set {name} to another folder.")
    return found


@dataclass(frozen=True)
class Entry:
    """An entry of the cache, as it is listed.

    Attributes:
        key: Name of its folder.
        size: Number of its bytes.
        used: When it was last used, in seconds since 1970.
        facts: What it was made from: ``files``, ``data``, ``examples``.
    """

    key: str
    size: int
    used: float
    facts: Mapping[str, Any]

    @property
    def files(self) -> list[str]:
        """The data files that it was made from."""
        return [str(one) for one in self.facts.get("files", [])]


class Cache:
    """Entries in a folder that only this user can read.

    Args:
        folder: Folder of the entries.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def prepare(self) -> bool:
        """Make the folder; return whether it can be used, which is logged if not."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            owners = {self.folder.stat().st_uid, self.folder.lstat().st_uid}  # a link has its own
            if hasattr(os, "getuid") and owners != {os.getuid()}:
                raise OSError("another user owns the folder")
            if not os.access(self.folder, os.W_OK | os.X_OK):
                raise OSError("the folder cannot be written to")
            if stat.S_IMODE(self.folder.stat().st_mode) & 0o077:
                self.folder.chmod(0o700)
            remove_leftovers(self.folder)
            return True
        except OSError as error:
            log.warning("Encoded data is not cached: %s: %s", self.folder, str(error))
            return False

    @contextmanager
    def locked(self, key: str, *, shared: bool = False) -> Iterator[None]:
        """Wait until no other process builds an entry; build it in the block, or open it.

        If the disk has no room for a lock, nothing is waited for.

        Args:
            key: Name of the entry.
            shared: Whether other processes may open it at the same time; none may build it.
        """
        path = self.folder / f"{key}.lock"
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            log.warning("Other processes may encode the same data: %s", str(error))
            yield
            return
        try:
            told = False
            while not try_lock(lock, shared=shared):
                if not told:
                    log.info("Another process is encoding the same data: waiting for it.")
                told = True
                time.sleep(POLL)
            yield
        finally:
            os.close(lock)

    def open(self, key: str) -> Path | None:
        """Return the folder of an entry; None if there is none. A damaged one is removed."""
        folder = self.folder / key
        if not folder.is_dir():
            return None
        try:
            _check(folder)
        except (OSError, DataError, RunError, LookupError, TypeError, AttributeError) as error:
            log.warning("%s is damaged and will be rebuilt: %s", folder, str(error))
            self.remove(key)
            return None
        with suppress(OSError):
            os.utime(folder)
        return folder

    def store(self, key: str, scratch: Scratch, facts: Mapping[str, Any]) -> bool:
        """Make an entry of the folder ``entry`` in a scratch folder; return whether there is one.

        Args:
            key: Name of the entry.
            scratch: Folder in which it was built.
            facts: What it was made from, for lists.
        """
        draft = scratch.path / "entry"
        try:
            files = [path for path in sorted(draft.rglob("*")) if path.is_file()]
            names = [path.relative_to(draft).as_posix() for path in files]
            hashes = dict(zip(names, sha256_of_each(files), strict=True))
            write_json(draft / FACTS, {**facts, "sha256": hashes})
            for path in files:
                sync(path)
            with suppress(OSError):  # if there is one already, it is the same
                draft.rename(self.folder / key)
        except (OSError, RunError) as error:
            log.warning("Encoded data is not cached: %s", str(error))
            return False
        return (self.folder / key).is_dir()

    def entries(self) -> list[Entry]:
        """Return the entries, those first that were used last.

        Raises:
            RunError: The folder cannot be read.
        """
        found = []
        try:
            folders = [*self.folder.iterdir()] if self.folder.is_dir() else []
        except OSError as error:
            raise RunError(f"{self.folder} cannot be read: {error.strerror}") from error
        for folder in folders:
            if KEY.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink():
                facts: dict[str, Any] = {}
                with suppress(OSError, DataError):
                    facts = _checked(read_json(folder / FACTS))
                with suppress(OSError):
                    size = sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())
                    found.append(Entry(folder.name, size, folder.stat().st_mtime, facts))
        return sorted(found, key=lambda one: (-one.used, one.key))

    def remove(self, key: str) -> bool:
        """Remove an entry, and return whether it is gone.

        Processes that use it keep what they have mapped.
        """
        away = self.folder / f"{PREFIX}{uuid.uuid4().hex}"
        with suppress(OSError):
            (self.folder / key).rename(away)  # nobody sees half of it
        shutil.rmtree(away, ignore_errors=True)
        with suppress(OSError):
            (self.folder / f"{key}.lock").unlink()
        return not (self.folder / key).exists()


def _checked(facts: dict[str, Any]) -> dict[str, Any]:
    """Return what an entry was made from; empty, as of a damaged one, if a value has another type.

    Only lists show it: `Cache.open` removes a damaged entry.
    """
    files, examples = facts.get("files"), facts.get("examples")
    names = [facts.get(name) for name in ("data", "frontend", "head")]
    whole = (
        isinstance(files, list)
        and isinstance(examples, dict)
        and all(isinstance(one, str) for one in [*files, *names])
        and all(isinstance(one, int) for one in examples.values())
    )
    return facts if whole else {}


def _check(folder: Path) -> None:
    """Refuse an entry whose files are not those that were written.

    Raises:
        DataError: A file is missing, or has other bytes.
    """
    expected = read_json(folder / FACTS)["sha256"]
    found = sha256_of_each(folder / name for name in expected)
    for (name, before), now in zip(expected.items(), found, strict=True):
        if before != now:
            raise DataError(f"{name} does not have the bytes that were written")


def plain_json(value: Any) -> str:
    """Return a text that is equal for equal plain data in the same order."""
    return json.dumps(value, default=repr)


def sha256_of_each(paths: Iterable[Path]) -> list[str]:
    """Return the SHA-256 of several files, which are read side by side if there are cores."""
    with ThreadPoolExecutor(min(MOST_READERS, len(available_cores()))) as pool:
        return [*pool.map(sha256, paths)]
