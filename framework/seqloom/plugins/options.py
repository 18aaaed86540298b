"""List the options in packages of YAML."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

CORE_PACKAGE = "seqloom_conf"


@functools.cache
def options(package: str) -> tuple[str, ...]:
    """Return the options in a package of YAML: ``encoder/small`` for ``encoder/small.yaml``."""
    return tuple(sorted(_options(files(package), "")))


def _options(folder: Any, prefix: str) -> Iterator[str]:
    for entry in folder.iterdir():
        if entry.name.endswith((".yaml", ".yml")):
            yield prefix + entry.name.rpartition(".")[0]
        elif entry.is_dir() and not entry.name.startswith(("_", ".")):
            yield from _options(entry, f"{prefix}{entry.name}/")
