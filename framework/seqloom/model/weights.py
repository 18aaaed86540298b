"""How large a model's parts are, by the header of its weights alone."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from seqloom.errors import BundleError

LONGEST = 100_000_000
"""Bytes that a header of safetensors may have."""


def sizes(path: Path) -> dict[str, dict[str, int]]:
    """Return by part (``frontend``, ``encoder``, ``heads``) its ``numbers`` and their ``bytes``.

    Running statistics and the like are stored among the weights, and so counted with them.

    Args:
        path: of a file of safetensors: the length of its header in 8 bytes, then that, as JSON.

    Raises:
        BundleError: it cannot be read as such.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > LONGEST:
                raise ValueError(f"a header of {length} bytes")
            header: dict[str, Any] = json.loads(file.read(length))
        return by_part(
            (name, math.prod(one["shape"]), one["data_offsets"][1] - one["data_offsets"][0])
            for name, one in header.items()
            if name != "__metadata__"
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise BundleError(f"{path} cannot be read: {error}; copy the bundle again.") from error


def by_part(tensors: Iterable[tuple[str, int, int]]) -> dict[str, dict[str, int]]:
    """Return the sums by the first word of the tensors' names.

    Args:
        tensors: name, count of numbers, bytes.
    """
    found: dict[str, dict[str, int]] = {}
    for name, numbers, size in tensors:
        part = found.setdefault(name.partition(".")[0], {"numbers": 0, "bytes": 0})
        part["numbers"] += numbers
        part["bytes"] += size
    return found


def total(parts: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Return the sums over parts."""
    return {key: sum(part[key] for part in parts.values()) for key in ("numbers", "bytes")}
