"""Data from files to batches; the public names are for readers in plugins.

Schemas may contain `SplitConfig`, so importing this module does not import torch or numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from seqloom.data.split import SplitConfig

if TYPE_CHECKING:
    from seqloom.data.archive import has_member, member_names, read_member
    from seqloom.data.cut_text import TextPart, text_parts
    from seqloom.data.entities import entity_spans
    from seqloom.data.fetch import file_name, is_url, local_path
    from seqloom.data.json_lines import is_one_value, refuse_one_value
    from seqloom.data.npy import read_npy
    from seqloom.data.pattern import Pattern
    from seqloom.data.slashes import about_backslashes, with_slashes
    from seqloom.data.split_reader import SplitReader, UniqueNames
    from seqloom.data.table import Table, TableRow
    from seqloom.data.text_file import TextFile, file_stem, without_end
    from seqloom.data.unread import warn_of_unread

_HOMES = {
    "Pattern": "pattern",
    "SplitReader": "split_reader",
    "Table": "table",
    "TableRow": "table",
    "TextFile": "text_file",
    "TextPart": "cut_text",
    "UniqueNames": "split_reader",
    "about_backslashes": "slashes",
    "entity_spans": "entities",
    "file_name": "fetch",
    "file_stem": "text_file",
    "has_member": "archive",
    "is_one_value": "json_lines",
    "is_url": "fetch",
    "local_path": "fetch",
    "member_names": "archive",
    "read_member": "archive",
    "read_npy": "npy",
    "refuse_one_value": "json_lines",
    "text_parts": "cut_text",
    "warn_of_unread": "unread",
    "with_slashes": "slashes",
    "without_end": "text_file",
}

__all__ = [
    "Pattern",
    "SplitConfig",
    "SplitReader",
    "Table",
    "TableRow",
    "TextFile",
    "TextPart",
    "UniqueNames",
    "about_backslashes",
    "entity_spans",
    "file_name",
    "file_stem",
    "has_member",
    "is_one_value",
    "is_url",
    "local_path",
    "member_names",
    "read_member",
    "read_npy",
    "refuse_one_value",
    "text_parts",
    "warn_of_unread",
    "with_slashes",
    "without_end",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
