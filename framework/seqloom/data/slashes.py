"""Names of files with the slashes of Windows."""

from __future__ import annotations

from collections.abc import Callable


def with_slashes(name: str, exists: Callable[[str], bool]) -> str:
    r"""Return the name under which a file exists, with ``/`` for ``\`` if only that one does.

    Tables and manifests that were written on Windows name files so. Here a backslash may be part
    of a name.

    Args:
        name: Name as it was written.
        exists: Whether there is a file of a name.

    >>> with_slashes(r"clips\a.wav", {"clips/a.wav"}.__contains__)
    'clips/a.wav'
    """
    if "\\" not in name or exists(name):
        return name
    other = name.replace("\\", "/")
    return other if exists(other) else name


def about_backslashes(name: str) -> str:
    """Return a sentence on the backslashes in the name of a file that is missing; or nothing."""
    if "\\" not in name:
        return ""
    return (
        " The backslashes suggest a Windows path, but the path with '/' does not exist either. Use "
        "paths relative to that place."
    )
