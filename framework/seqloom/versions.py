"""Versions of the packages that a result depends on, found without importing them."""

from __future__ import annotations

import functools
import platform
from importlib.metadata import PackageNotFoundError, version


def versions() -> dict[str, str]:
    """Return the versions of seqloom, torch, Lightning and Python."""
    found = {name: _version(name) for name in ("seqloom", "torch", "pytorch-lightning")}
    return {**found, "python": platform.python_version()}


@functools.cache
def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"
