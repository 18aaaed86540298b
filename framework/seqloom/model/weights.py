"""The sizes of a model's components, read from the header of its weights."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from seqloom.errors import BundleError, Cause

LONGEST = 100_000_000
"""Maximum size of a safetensors header in bytes."""


def sizes(path: Path) -> dict[str, dict[str, int]]:
    """Return the ``numbers`` and ``bytes`` of each of ``frontend``, ``encoder`` and ``heads``.

    Buffers, such as running statistics, are stored with the weights and counted with them.

    Args:
        path: Safetensors file: the length of its header in 8 bytes, then the header as JSON.

    Raises:
        BundleError: The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > LONGEST:
                raise ValueError(f"a header of {length} bytes")
            header: dict[str, Any] = json.loads(file.read(length))
        return by_component(
            (name, math.prod(one["shape"]), one["data_offsets"][1] - one["data_offsets"][0])
            for name, one in header.items()
            if name != "__metadata__"
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise BundleError(
            f"{path} cannot be read: {error}; copy the bundle again.", cause=Cause.damaged_bundle
        ) from error


def by_component(tensors: Iterable[tuple[str, int, int]]) -> dict[str, dict[str, int]]:
    """Return the sums by component, the first word of a tensor's name.

    Args:
        tensors: Name, number of elements and bytes of each tensor.
    """
    found: dict[str, dict[str, int]] = {}
    for name, numbers, size in tensors:
        component = found.setdefault(name.partition(".")[0], {"numbers": 0, "bytes": 0})
        component["numbers"] += numbers
        component["bytes"] += size
    return found


def total(components: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Return the sums over components."""
    return {
        key: sum(component[key] for component in components.values())
        for key in ("numbers", "bytes")
    }
