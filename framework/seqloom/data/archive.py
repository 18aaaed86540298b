"""Members of zip files, also of damaged and hostile ones, within a limit on their size."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections import Counter
from functools import lru_cache
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from seqloom.errors import printable

DAMAGED = (
    OSError,
    EOFError,
    OverflowError,
    RuntimeError,  # encrypted; also NotImplementedError, of newer versions
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What ``zipfile`` raises for archives that are damaged, or that it cannot read."""


def member_names(path: str) -> list[str]:
    """Return the names of the files in a zip file, in its order, without those of folders.

    Raises:
        ValueError: The file does not exist, is not a zip file, or has two members of one name.
    """
    return [info.filename for info in _open(path).infolist() if not info.is_dir()]


def has_member(path: str, member: str) -> bool:
    """Return whether a zip file has a member; see `member_names` for the errors."""
    return member in _open(path).NameToInfo


def read_member(path: str, member: str, largest: int) -> bytes:
    """Return the bytes of a member of a zip file, which is kept open.

    No more is unpacked than ``largest`` bytes, whatever the archive states.

    Args:
        path: Path of the zip file.
        member: Name of the member.
        largest: Maximum size of what is unpacked, in bytes.

    Raises:
        ValueError: The file or the member is missing, damaged, encrypted, too large, or packed by
            another method than deflate; the text is a sentence.
    """
    archive = _open(path)
    shown = printable(repr(member))
    try:
        info = archive.getinfo(member)
    except KeyError:
        raise ValueError(f"{path} has no member {shown}.") from None
    if info.file_size > largest:
        raise ValueError(
            f"{path}: the member {shown} has {info.file_size} bytes unpacked; expected at most "
            f"{largest} for a file of its kind."
        )
    if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):  # zipfile unpacks others unbounded
        raise ValueError(
            f"{path}: the member {shown} is not compressed with deflate. Create the archive again "
            "with deflate."
        )
    try:
        return _unpacked(archive, info)
    except DAMAGED as error:
        raise ValueError(f"{path}: the member {shown} cannot be read: {error}.") from None


def _unpacked(archive: ZipFile, info: ZipInfo) -> bytes:
    # ZipFile.read would unpack all that is there, and only then cut it to the stated size.
    with archive.open(info) as stream:
        content = stream.read(info.file_size)
        stream.read(1)  # the checksum is compared at the end
    if len(content) < info.file_size:
        raise EOFError(f"{len(content)} bytes of {info.file_size}")
    return content


def _open(path: str) -> ZipFile:
    """Return the opened zip file, the same one until it changes on disk.

    Handles are kept by process: after a fork, two processes would move the position of one file.
    Threads may share a handle.

    Raises:
        ValueError: The file does not exist, is not a zip file, or has two members of one name.
    """
    try:
        state = os.stat(path)  # noqa: PTH116 - a stat for each image: keep it light
        return _opened(path, os.getpid(), state.st_mtime_ns, state.st_size)
    except DAMAGED as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        raise ValueError(f"{path} cannot be opened as a zip file: {reason}.") from None


def _name_with_slashes(archive: ZipFile) -> None:
    """Give members the names that the format asks for, where a program of Windows wrote others."""
    infos = archive.infolist()
    if any("/" in one.filename for one in infos):
        return
    for info in infos:
        if info.create_system == 0 and "\\" in info.filename:  # 0: Windows
            archive.NameToInfo.pop(info.filename, None)
            info.filename = info.filename.replace("\\", "/")
            archive.NameToInfo[info.filename] = info


@lru_cache(maxsize=16)
def _opened(path: str, process: int, changed: int, size: int) -> ZipFile:
    archive = ZipFile(path)
    _name_with_slashes(archive)
    if len(archive.NameToInfo) < len(archive.infolist()):
        [(name, _)] = Counter(archive.namelist()).most_common(1)
        raise zipfile.BadZipFile(f"two members have the name {printable(repr(name))}")
    return archive
