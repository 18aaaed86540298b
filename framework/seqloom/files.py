"""Write files and folders atomically, and read JSON files that may be damaged or hostile.

A reader never sees a file that is half written. Whatever is wrong with a JSON file is one sentence
with its place, and its size and depth are bounded before Python objects are made of it.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import re
import shutil
import stat
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from seqloom.errors import Cause, DataError, RunError, SeqloomError, printable

__all__ = [
    "JsonError",
    "atomic_file",
    "expanded",
    "parse_json",
    "read_json",
    "read_jsonl",
    "read_limited",
    "refuse_large",
]

LARGEST_JSON = 1 << 28
"""Maximum size of a JSON file, or of a line of a JSON Lines file, in bytes."""

MOST_CONTAINERS = 1_000_000
"""Maximum number of lists and objects in a JSON file; each takes up to 40 times its bytes."""

DEEPEST = 100
"""Maximum depth of lists and objects, so that functions may recurse into them."""

_CANNOT_WRITE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}


@contextmanager
def atomic_file(path: Path, *, parents: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; if the block succeeds, it is renamed to ``path``.

    Args:
        path: File to write.
        parents: Whether to make its folder, and those above, if they do not exist.

    Raises:
        RunError: The file cannot be written (a full disk, no permission), or the path is that of a
            folder, a pipe or a device; nothing is left behind.
    """
    with suppress(RuntimeError):  # a link that leads to itself is replaced
        path = path.resolve()  # replace the target of a symbolic link, not the link
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        refuse_odd(path)
        if parents:
            path.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        sync(draft)
        draft.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            draft.unlink()


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder; if the block succeeds, it replaces ``path``.

    Raises:
        RunError: The folder cannot be written; what was at ``path`` is kept.
    """
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    old = path.with_name(f".{path.name}.{uuid.uuid4().hex}.old")
    try:
        draft.mkdir(parents=True)
        yield draft
        for file in draft.rglob("*"):
            if file.is_file():
                sync(file)
        if path.exists():
            path.rename(old)
        draft.rename(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        if old.exists() and not path.exists():
            old.rename(path)
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically; lone surrogates are escaped, as JSON does."""
    with atomic_file(path) as draft:
        draft.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON atomically; NaN and infinities become null."""
    write_text(path, json.dumps(finite(value), indent=2, ensure_ascii=False, allow_nan=False))


def finite(value: Any) -> Any:
    """Return plain data with None for each NaN or infinity, which JSON cannot express."""
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def expanded(path: str | Path) -> Path:
    """Return a path with ``~`` replaced by a home folder; unchanged without such a folder."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path's raises for unknown users


class JsonError(ValueError):
    """A text that is not JSON, or not JSON that can be read safely.

    Attributes:
        line: Line of the text that is wrong, from 1; None if that is not known.
    """

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.line = line


def parse_json(text: str, *, finite_only: bool = False) -> Any:
    """Return the value of a JSON text.

    Args:
        text: The text.
        finite_only: Whether NaN and infinite numbers, which are not JSON, are refused, and whole
            numbers beyond the range of floats.

    Raises:
        JsonError: It is not JSON, an object has a key twice, a whole number has too many digits, or
            lists and objects are more than `DEEPEST` deep; the text has no full stop.
    """
    own: dict[str, Any] = {}
    if finite_only:
        own["parse_constant"] = _refuse_constant
        if _MAY_OVERFLOW.search(text):  # a function for each number takes time
            own["parse_float"] = _finite_float
            own["parse_int"] = _float_sized
    try:
        found = json.loads(text, object_pairs_hook=_distinct_keys, **own)
    except json.JSONDecodeError as error:
        what = error.msg.removesuffix(" starting at")
        raise JsonError(f"not JSON: {what} at column {error.colno}", error.lineno) from None
    except RecursionError:
        raise JsonError(_TOO_DEEP) from None
    except JsonError:
        raise
    except ValueError as error:
        digits = "digits" in str(error)  # of Python's limit, whose remedy is not one for a file
        raise JsonError("a whole number has too many digits" if digits else str(error)) from None
    if text.count("[") + text.count("{") > DEEPEST:
        _refuse_deep(found)
    return found


_TOO_DEEP = f"lists and objects are nested too deeply; expected at most {DEEPEST} levels"
_MAY_OVERFLOW = re.compile(r"[eE]\+?0*[1-9]\d\d|\d{300}")


def _refuse_constant(name: str) -> None:
    raise JsonError(f"{name} is not a number in JSON")


def _finite_float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise JsonError(f"the number {digits[:40]} is too large")
    return value


def _float_sized(digits: str) -> int:
    """Return a whole number that a calculation with other numbers can turn into a float."""
    value = int(digits)
    try:
        float(value)
    except OverflowError:
        raise JsonError(f"the number {digits[:40]} is too large") from None
    return value


def _distinct_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        [(twice, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise JsonError(f"the key {printable(repr(twice))} occurs twice in one object")
    return found


def _refuse_deep(value: Any) -> None:
    """Refuse a value that is nested too deeply, level by level, since recursion may overflow."""
    level = [value]
    for _ in range(DEEPEST):
        inner = (one.values() if isinstance(one, dict) else one for one in level)
        level = [one for ones in inner for one in ones if isinstance(one, dict | list)]
        if not level:
            return
    raise JsonError(_TOO_DEEP)


def read_json(path: Path, *, largest: int = LARGEST_JSON) -> dict[str, Any]:
    """Return the object in a JSON file.

    Args:
        path: Path of the file.
        largest: Maximum size of the file in bytes.

    Raises:
        OSError: The file is missing or cannot be opened.
        DataError: The file is too large, not UTF-8, not JSON, holds something else than an object,
            or is refused by `parse_json`. The text has file and line, and no remedy.
    """
    content = read_limited(path, largest)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}:{line}: not UTF-8 at byte {error.start} of the file.", cause=Cause.not_utf8
        ) from None
    return _object(text, path)


def read_jsonl(
    path: Path, damaged: list[str] | None = None, *, largest: int = LARGEST_JSON
) -> list[dict[str, Any]]:
    """Return the objects in a JSON Lines file, one on each line; blank lines are left out.

    Args:
        path: Path of the file. Another process may be writing to it.
        damaged: If it is given, lines that cannot be read are left out, and a sentence on each is
            appended; none on a last line without an end, which is still being written, or whose
            process was killed.
        largest: Maximum size of the file in bytes.

    Raises:
        OSError: The file is missing or cannot be opened.
        DataError: The file is too large; or a line cannot be read, and ``damaged`` is None.
    """
    content = read_limited(path, largest)
    rows = []
    lines = content.split(b"\n")
    for number, raw in enumerate(lines, 1):
        if not raw.strip():
            continue
        try:
            rows.append(_object(raw.decode("utf-8-sig"), path, number))
        except UnicodeDecodeError as error:
            problem = f"{path}:{number}: not UTF-8 at byte {error.start} of the line."
        except DataError as error:
            problem = str(error)
        else:
            continue
        if damaged is None:
            raise DataError(problem)
        if number < len(lines):
            damaged.append(problem)
    return rows


def read_limited(path: Path, largest: int) -> bytes:
    """Return the content of a regular file that is not too large.

    Raises:
        OSError: The file is missing or cannot be opened.
        DataError: It is too large, or something else than a file, such as a pipe or a device.
    """
    size = refuse_large(path, largest)
    with path.open("rb") as file:
        return file.read(size)  # Python allocates as much as it is told to read


def refuse_odd(path: Path) -> None:
    """Refuse a path at which there is something else than a regular file, such as a pipe.

    It is not opened: to open a pipe waits for its other end, and to replace a device breaks it for
    every program of the machine.

    Raises:
        RunError: It is a folder, a pipe, a socket or a device.
    """
    if path.exists() and not path.is_file():
        raise RunError(
            f"{path} is {kind_of(path)}; expected a regular file. Rename it, or choose another "
            "path.",
            cause=Cause.cannot_write,
        )


def kind_of(path: Path) -> str:
    """Return what there is at a path, in words: ``a file``."""
    if path.is_file():
        return "a file"
    if path.is_dir():
        return "a folder"
    return "a pipe" if path.is_fifo() else "a socket" if path.is_socket() else "a device"


def refuse_large(path: Path, largest: int) -> int:
    """Refuse a file with more than ``largest`` bytes, and what is not a regular file.

    Returns:
        Size of the file in bytes.

    Raises:
        OSError: The file is missing.
        DataError: It is too large, or something else than a file, such as a pipe or a device.
    """
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode):
        raise DataError(f"{path} is not a regular file.")
    if facts.st_size > largest:
        raise DataError(f"{path} has {facts.st_size} bytes; expected at most {largest}.")
    return facts.st_size


def _object(text: str, path: Path, line: int | None = None) -> dict[str, Any]:
    """Return the object of a file, or of one of its lines.

    Raises:
        DataError: It cannot be read.
    """
    try:
        if text.count("[") + text.count("{") > MOST_CONTAINERS:
            raise JsonError(f"more than {MOST_CONTAINERS} lists and objects")
        found = parse_json(text, finite_only=True)
        if not isinstance(found, dict):
            raise JsonError(f"expected a JSON object, found {type(found).__name__}")
    except JsonError as error:
        number = line or error.line
        place = f"{path}:{number}" if number else str(path)
        raise DataError(f"{place}: {error}.", cause=Cause.not_parsed) from None
    return found


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cannot_write(path: Path, error: OSError) -> RunError:
    """Return the error that says that a path cannot be written, and why."""
    return RunError(
        f"Cannot write {path}: {error.strerror or error}. Free some space or check the "
        "permissions; nothing incomplete was left in its place.",
        cause=Cause.cannot_write,
    )


def explained(error: OSError) -> SeqloomError | None:
    """Return an error of the system in a sentence; None if it is not one of a file or the disk."""
    named = isinstance(error.filename, str | bytes | os.PathLike)
    path = printable(os.fsdecode(error.filename)) if named else None
    if error.errno in _CANNOT_WRITE and path:
        return cannot_write(Path(path), error)
    if error.errno in _CANNOT_WRITE:
        return RunError(
            f"Cannot write the output: {error.strerror}. Free some space; what was written is "
            "incomplete.",
            cause=Cause.cannot_write,
        )
    if error.errno == errno.EIO:
        return RunError(
            f"{path or 'A file'} cannot be read or written: {error.strerror}. Check the disk that "
            "holds it.",
            cause=Cause.cannot_write,
        )
    if path is None:
        return None
    return DataError(
        f"{path} cannot be used: {error.strerror or error}. Check the path and its permissions.",
        cause=Cause.no_file,
    )


def sync(path: Path) -> None:
    """Wait until the bytes of a file are on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
