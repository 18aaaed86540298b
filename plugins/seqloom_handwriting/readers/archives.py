"""Members of zip files, for .zip and .npz alike."""

from __future__ import annotations

import os
import zipfile
import zlib
from functools import lru_cache
from zipfile import ZipFile

LARGEST = 1 << 30  # bytes of a member once unpacked: more than any line, less than the memory


def open_zip(path: str) -> ZipFile:
    """Return the opened zip file, the same one until it changes on disk.

    Handles are kept by process: after a fork, two processes would move the position of one file.
    Threads may share a handle.

    Raises:
        ValueError: there is no such file, or it is no zip file.
    """
    try:
        state = os.stat(path)  # noqa: PTH116 - a stat for each image: keep it light
        return _opened(path, os.getpid(), state.st_mtime_ns, state.st_size)
    except (OSError, zipfile.BadZipFile) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ValueError(f"{path} cannot be opened as a zip file: {reason}.") from None


@lru_cache(maxsize=16)
def _opened(path: str, process: int, changed: int, size: int) -> ZipFile:
    return ZipFile(path)


def read_member(path: str, member: str) -> bytes:
    """Return the bytes of a member.

    Raises:
        ValueError: the file or the member is missing, damaged, encrypted or larger than 1 GiB.
    """
    archive = open_zip(path)
    try:
        info = archive.getinfo(member)
    except KeyError:
        raise ValueError(f"{path} has no member {member!r}.") from None
    if info.file_size > LARGEST:
        raise ValueError(f"{path}: the member {member!r} has {info.file_size} bytes unpacked.")
    try:
        return archive.read(info)
    except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path}: the member {member!r} cannot be read: {error}.") from None
