"""Versions of the packages that a result depends on, found without importing them."""

from __future__ import annotations

import functools
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any


def versions() -> dict[str, str]:
    """Return the versions of seqloom, torch, Lightning and Python."""
    found = {name: _version(name) for name in ("seqloom", "torch", "pytorch-lightning")}
    return {**found, "python": platform.python_version()}


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def revision() -> dict[str, Any] | None:
    """Return the git commit of the current folder and whether it is dirty; None without git."""
    return _revision(Path.cwd())


@functools.cache
def _revision(folder: Path) -> dict[str, Any] | None:
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "dirty": bool(changes)}


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
