"""How a distribution came to be installed, where its version does not say what is in it."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any


def installed(name: str) -> dict[str, Any]:
    """Return what ``pip`` noted of a distribution; nothing of one from a package index.

    Args:
        name: of the distribution.

    Returns:
        ``editable``, true, if it is somebody's working tree, and the ``commit`` that it was
        installed from, as far as these are known. Its address is not told: it may be private.
    """
    try:
        noted = json.loads(distribution(name).read_text("direct_url.json") or "{}")
        editable = noted.get("dir_info", {}).get("editable") is True
        commit = noted.get("vcs_info", {}).get("commit_id")
    except (PackageNotFoundError, ValueError, AttributeError, OSError):
        return {}
    known = {"commit": commit} if isinstance(commit, str) else {}
    return {"editable": True, **known} if editable else known
