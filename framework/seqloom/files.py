"""Write files and folders atomically: a reader never sees one that is half written."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from seqloom.errors import RunError

__all__ = ["atomic_file"]


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; if the block succeeds, it is renamed to ``path``.

    Raises:
        RunError: The file cannot be written (a full disk, no permission); nothing is left behind.
    """
    path = path.resolve()  # replace the target of a symbolic link, not the link
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        _sync(draft)
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
                _sync(file)
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


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cannot_write(path: Path, error: OSError) -> RunError:
    """Return the error that says that a path cannot be written, and why."""
    return RunError(
        f"Cannot write {path}: {error.strerror or error}. Free some space or check the "
        "permissions; nothing incomplete was left in its place."
    )


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
