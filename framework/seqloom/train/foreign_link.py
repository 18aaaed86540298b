"""Refuse a link through which a run in someone else's folder would overwrite a file of the user."""

from __future__ import annotations

import os
from pathlib import Path

from seqloom.errors import Cause, RunError, printable


def refuse_foreign_link(file: Path) -> None:
    """Refuse to write a file that is a link to a place outside of its folder.

    A folder may be a link: to a disk with more room, for example.

    Args:
        file: File in the folder of a run or a sweep; it need not exist.

    Raises:
        RunError: It is such a link.
    """
    if not file.is_symlink():
        return
    target, folder = (Path(os.path.realpath(path)) for path in (file, file.parent))
    if not target.is_relative_to(folder):
        raise RunError(
            f"{file} is a link to {printable(str(target))}, which is not in its folder and will "
            "not be overwritten. Remove the link, or put the file in its place.",
            cause=Cause.cannot_write,
        )
