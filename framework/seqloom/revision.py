"""Find the git commit of a folder by reading files, without running git.

Git executes what the configuration of a repository names (``core.fsmonitor``, filters, hooks), and
a folder from elsewhere brings its own. Here nothing is executed, and nothing of the working tree is
read, so it is not known whether files differ from the commit.
"""

from __future__ import annotations

import functools
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

LARGEST = 16 * 2**20
"""Maximum size of a file that is read, in bytes; packed refs of large repositories have many."""

DEEPEST = 5
"""Maximum number of references that lead from ``HEAD`` to a commit, as in git."""

_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REFERENCE = re.compile(r"refs/(?!.*(?:\.\.|//|/\.))[\w./+@=,-]+")


def revision() -> dict[str, str] | None:
    """Return the git commit of the current folder; None if it is not in a repository."""
    return _revision(Path.cwd())


@functools.cache
def _revision(folder: Path) -> dict[str, str] | None:
    for place in (folder, *folder.parents):
        git = place / ".git"
        if not git.exists():
            continue
        repository = git if git.is_dir() else _linked(git)
        commit = _commit(repository) if repository else None
        return {"commit": commit} if commit else None
    return None


def _linked(file: Path) -> Path | None:
    """Return the folder that the ``.git`` file of a worktree or submodule names.

    Any path may be written in such a file, so it is followed only to where git makes such folders,
    and for a worktree only if that folder names the file in turn.
    """
    key, _, value = (_text(file) or "").partition(":")
    if key != "gitdir" or not value.strip():
        return None
    folder = Path(os.path.normpath(file.parent / value.strip()))
    if folder.parent.name == "worktrees":
        back = _text(folder / "gitdir")
        return folder if back and _same(folder / back.strip(), file) else None
    above = {parent / ".git" / "modules" for parent in file.parent.parents}
    return folder if above & set(folder.parents) else None


def _same(one: Path, other: Path) -> bool:
    return Path(os.path.normpath(one)) == Path(os.path.normpath(other))


def _commit(repository: Path) -> str | None:
    """Return the commit to which ``HEAD`` leads."""
    common = (_text(repository / "commondir") or ".").strip()
    shared = Path(os.path.normpath(repository / common))
    if shared not in {repository, repository.parent.parent}:
        return None  # a worktree shares the repository that holds its folder, and no other
    name = "HEAD"
    for _ in range(DEEPEST):
        value = (_text(repository / name) or _text(shared / name) or "").strip()
        if _HASH.fullmatch(value):
            return value
        if not value:
            return _packed(shared, name)
        name = value.removeprefix("ref:").strip()
        if not _REFERENCE.fullmatch(name):
            return None
    return None


def _packed(shared: Path, name: str) -> str | None:
    for line in _lines(_text(shared / "packed-refs") or ""):
        commit, _, reference = line.partition(" ")
        if reference == name and _HASH.fullmatch(commit):
            return commit
    return None


def _lines(text: str) -> Iterator[str]:
    return (line for line in text.splitlines() if not line.startswith(("#", "^")))


def _text(path: Path) -> str | None:
    """Return a small regular file; None for anything else, such as a pipe that never ends."""
    try:
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(number, "rb") as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode) or facts.st_size > LARGEST:
                return None
            return file.read(LARGEST).decode("utf-8")
    except (OSError, ValueError):  # also bytes that are not text, and null bytes in a path
        return None
