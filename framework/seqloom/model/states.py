"""Write and read codecs' states: plain types as JSON, bytes as separate files beside it.

In the JSON, an object ``{"$file": NAME}`` stands for the bytes of a file.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

from seqloom.errors import BundleError, Cause

MARK = "$file"


def write(states: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the states as plain types, with their bytes written into a folder.

    Each file is named after its place: ``codec.heads.ctc.ngram``. The folder is created if there
    are bytes.
    """
    plain: dict[str, Any] = _write(states, folder, "codec")
    return plain


def _write(value: Any, folder: Path, name: str) -> Any:
    if isinstance(value, bytes):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(value)
        return {MARK: name}
    if isinstance(value, Mapping):
        return {key: _write(one, folder, f"{name}.{key}") for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [
            one if type(one) in (str, int, float) else _write(one, folder, f"{name}.{number}")
            for number, one in enumerate(value)
        ]
    return value


def read(plain: Any, folder: Path, known: Container[str] | None = None) -> Any:
    """Return states as they were written, with the bytes of their files.

    Args:
        plain: States as `write` returned them.
        folder: Folder of the files.
        known: Names of the verified files; None: all files are trusted.

    Raises:
        BundleError: A file is missing or not among the known ones, or its name leads out of the
            folder.
    """
    if isinstance(plain, dict) and set(plain) == {MARK}:
        return _bytes(folder, plain[MARK], known)
    if isinstance(plain, dict):
        return {key: read(one, folder, known) for key, one in plain.items()}
    if isinstance(plain, list):  # of words and numbers, mostly: a call for each would take long
        return [read(one, folder, known) if type(one) in (dict, list) else one for one in plain]
    return plain


def _bytes(folder: Path, name: Any, known: Container[str] | None) -> bytes:
    if not isinstance(name, str) or not name.startswith("codec.") or set(name) & set("/\\:"):
        raise BundleError(
            f"{folder} names the file {name!r}, which training never writes.",
            cause=Cause.tampered_bundle,
        )
    if known is not None and name not in known:
        raise BundleError(
            f"{folder} holds {name!r} in its states, but does not list it among its files; copy "
            "the bundle again.",
            cause=Cause.damaged_bundle,
        )
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise BundleError(
            f"{folder / name} cannot be read: {error}; copy it again.", cause=Cause.damaged_bundle
        ) from error
