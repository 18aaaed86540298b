"""The files of checkpoints: written atomically, and with their own SHA-256 at the end.

A checkpoint is a zip archive of `torch.save`; its comment holds the SHA-256 of all bytes before it.
Nothing is read from a file whose bytes have changed.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import pickle
import shutil
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import torch

from seqloom.errors import Cause, RunError, shortened
from seqloom.files import atomic_file, refuse_odd
from seqloom.model.description import MALFORMED
from seqloom.train.folder import BEST, BEST_COPY, LAST, PREVIOUS

log = logging.getLogger("seqloom")

MARK = b"seqloom checkpoint, sha256 "
"""The beginning of the comment; the digits of the SHA-256 follow."""

DIGITS = 64
"""Number of digits of a SHA-256."""

END = b"PK\x05\x06"
"""The beginning of the 22 bytes at the end of a zip archive without a comment."""

END_SIZE = 22
"""Number of these bytes; the last two are the length of the comment."""


class DamagedCheckpointError(RunError):
    """The bytes of a checkpoint are not those that were written.

    Args:
        path: Checkpoint.
        why: How that was found.

    Attributes:
        damage: What is damaged, in a sentence.
    """

    def __init__(self, path: Path, why: str) -> None:
        self.damage = f"The checkpoint {path} cannot be read: it is damaged, as {why}."
        super().__init__(f"{self.damage} Copy it again, or use a new run_dir.")
        self.code = Cause.damaged_checkpoint


class WrongCheckpointError(RunError):
    """The bytes of a checkpoint are whole, but they are not of a checkpoint of its run.

    Args:
        path: Checkpoint.
        why: How that was found.
    """

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"The checkpoint {path} cannot be used: {why}. Put the right file in its place, or "
            "remove it, and the run is resumed from what is left.",
            cause=Cause.damaged_checkpoint,
        )


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint; the former last one becomes the previous one, a best one gets a copy.

    A process that is killed at any moment leaves whole files: between two renames there may be a
    previous checkpoint, but no last one.

    Raises:
        RunError: It cannot be written; what was there before is unchanged.
    """
    with _replacing(path) as sealed:
        torch.save(state, cast(BinaryIO, sealed))  # it calls no more than write and flush
    if path.name == BEST:
        with atomic_file(path.with_name(BEST_COPY), parents=False) as draft:
            shutil.copyfile(path, draft)
        sync_folder(path.parent)


@contextmanager
def _replacing(path: Path) -> Iterator[_Sealed]:
    """Yield a file for an archive, which then replaces the checkpoint at a path."""
    with atomic_file(path, parents=False) as draft:
        with draft.open("wb") as file:
            sealed = _Sealed(file)
            yield sealed
            sealed.finish()
            file.flush()
            os.fsync(file.fileno())
        if path.name == LAST and path.exists():
            path.replace(path.with_name(PREVIOUS))
    sync_folder(path.parent)


class _Sealed:
    """A file to which torch writes an archive, and which gets the archive's SHA-256 at its end.

    The tensors go straight to the file and the hash. Both let the training go on meanwhile, which
    a buffer in memory does not: copying to it holds Python's lock.

    Args:
        file: File to write.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self._end = b""  # the last bytes, which hold the length of the archive's comment
        self._error: OSError | None = None

    def write(self, data: bytes | memoryview) -> int:
        """Write a part of the archive; an error of the disk is raised by `finish`."""
        size, kept = len(data), END_SIZE
        if size >= kept:
            self._put(self._end)
            self._put(data[:-kept])
            self._end = bytes(data[-kept:])
        else:
            both = self._end + bytes(data)
            self._put(both[:-kept])
            self._end = both[-kept:]
        return size

    def flush(self) -> None:
        """Do nothing: `finish` does."""

    def finish(self) -> None:
        """Write the end.

        Raises:
            OSError: Something could not be written.
        """
        self._put(self._end[:-2] + struct.pack("<H", len(MARK) + DIGITS) + MARK)
        self._put(self._hash.hexdigest().encode())
        if self._error is not None:
            raise self._error

    def _put(self, data: bytes | memoryview) -> None:
        if self._error is not None:
            return
        try:
            self._file.write(data)
        except OSError as error:  # torch would replace it by an error without its number
            self._error = error
        self._hash.update(data)


def sync_folder(folder: Path) -> None:
    """Have a folder's names written to the disk; without effect where that is not possible."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Return the content of a checkpoint; nothing in it is executed.

    Raises:
        DamagedCheckpointError: Its bytes are not those that were written.
        WrongCheckpointError: It is not a checkpoint.
        RunError: It cannot be read.
    """
    content = verified(path)
    try:
        state: dict[str, Any] = torch.load(
            io.BytesIO(content), map_location="cpu", weights_only=True
        )
    except pickle.UnpicklingError as error:
        raise WrongCheckpointError(
            path, "it contains more than plain data, which is not loaded because it could run code"
        ) from error
    except (*MALFORMED, OSError, RuntimeError, EOFError, ValueError) as error:
        first = str(error).strip().partition("\n")[0].rstrip(".")
        raise WrongCheckpointError(path, shortened(first, 200)) from error
    return state


def read_best(path: Path) -> dict[str, Any]:
    """Return the content of the best checkpoint, or of its copy if that is damaged.

    Raises:
        DamagedCheckpointError: Both are damaged.
        RunError: It cannot be read.
    """
    copy = path.with_name(BEST_COPY)
    try:
        return read_checkpoint(path)
    except DamagedCheckpointError as error:
        if not copy.exists():
            raise
        log.warning("%s Its copy %s is used.", error.damage, copy)
        return read_checkpoint(copy)


def verified(path: Path) -> bytes:
    """Return the bytes of a checkpoint, after comparing them with their SHA-256.

    Files of older versions have none; the checksums of the archive are used.

    Raises:
        DamagedCheckpointError: The bytes are not those that were written.
        RunError: The file cannot be read.
    """
    refuse_odd(path)
    try:
        with path.open("rb") as file:
            if not _has_end(file):  # before all of a file of any size is read
                raise DamagedCheckpointError(path, "it was cut short, or is not a checkpoint")
            content = file.read()
    except OSError as error:
        raise RunError(
            f"The checkpoint {path} cannot be read: {error.strerror or error}. Check the file "
            "system and its permissions."
        ) from error
    start = len(content) - DIGITS
    if content[start - len(MARK) : start] == MARK:
        digest = hashlib.sha256(memoryview(content)[:start]).hexdigest()
        if content[start:] != digest.encode():
            raise DamagedCheckpointError(
                path, "its bytes do not have the SHA-256 that was written with them"
            )
    else:
        _verify_older(path, content)
    return content


def _has_end(file: BinaryIO) -> bool:
    """Return whether a file ends as a checkpoint does, of this version or of an older one."""
    size = file.seek(0, os.SEEK_END)
    file.seek(-min(size, len(MARK) + DIGITS), os.SEEK_END)
    end = file.read()
    file.seek(0)
    older = end[-END_SIZE:]
    is_older = len(older) == END_SIZE and older.startswith(END) and older.endswith(b"\0\0")
    return end.startswith(MARK) or is_older


def _verify_older(path: Path, content: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(part.file_size for part in archive.infolist()) > len(content):
                raise DamagedCheckpointError(path, "its parts are larger than the whole")
            bad = archive.testzip()
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError) as error:
        raise DamagedCheckpointError(path, str(error)) from error
    if bad is not None:
        raise DamagedCheckpointError(path, f"the checksum of its part {bad!r} does not match")
