"""Data on its way from files to batches; the names below are for readers of plugins.

`SplitConfig` may be part of a schema: nothing here imports torch or numpy before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from seqloom.data.split import SplitConfig

if TYPE_CHECKING:
    from seqloom.data.fetch import file_name, is_url, local_path
    from seqloom.data.split_reader import SplitReader, UniqueNames

_HOMES = {
    "SplitReader": "split_reader",
    "UniqueNames": "split_reader",
    "file_name": "fetch",
    "is_url": "fetch",
    "local_path": "fetch",
}

__all__ = [
    "SplitConfig",
    "SplitReader",
    "UniqueNames",
    "file_name",
    "is_url",
    "local_path",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
