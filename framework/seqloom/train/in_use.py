"""Say who holds a folder, also where the folder is a copy of the one that is held."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from seqloom.errors import Cause, RunError

FOLDER = "folder"
"""Key of a lease with the inode number of its folder, which a copy does not have."""


def inode_of(folder: Path) -> int:
    """Return the inode number of a folder; one that is renamed keeps it, a copy gets another."""
    return folder.stat().st_ino


def in_use(lease: Path, holder: object) -> RunError:
    """Return the error that says that a live process holds a folder.

    Args:
        lease: Lease in the folder.
        holder: Its holder, in words.
    """
    said = str(holder)
    if _is_copied(lease):
        said = (
            f"it seems to be a copy of a folder that a running process uses: {lease.name} was "
            f"copied with it. If so, remove {lease} and try again; the process can stay. "
            f"({said.partition('. ')[0]})"
        )
    return RunError(f"{lease.parent} is in use: {said}", cause=Cause.folder_in_use)


def _is_copied(lease: Path) -> bool:
    """Return whether a lease is of another folder; False if it does not say which."""
    with suppress(OSError, ValueError, RecursionError):
        found: Any = json.loads(lease.read_bytes())
        known = found.get(FOLDER) if isinstance(found, dict) else None
        return isinstance(known, int) and known != inode_of(lease.parent)
    return False
