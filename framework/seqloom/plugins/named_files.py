"""The files, folders and URLs that the section of a component names.

A model from elsewhere may name any file of this machine, or any address, as its data. What a
section names is therefore read only if the user asked for it.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from seqloom.plugins.component import Kind
from seqloom.plugins.registry import name_and_params, registry

SPLITS = ("train", "val", "test")
"""As in `seqloom.interfaces`, which imports torch."""


def named_files(
    kind: Kind, section: Mapping[str, Any], but: Collection[str] = ()
) -> dict[str, str]:
    """Return what a section names outside itself: ``{"test": "/data/test.csv"}``.

    Args:
        kind: Kind of the component.
        section: Name of the component and its parameters.
        but: Keys to leave out, such as those that the user sets; subkeys with dots.

    Returns:
        Paths and URLs by key. Of a component that does not declare its `Component.files`, every
        text that could be one is taken for one.
    """
    name, params = name_and_params(section)
    declared = registry().find(kind, name).files
    if callable(declared):
        declared = tuple(declared(params))
    found = {}
    for key, value in _texts(params):
        top = key.partition(".")[0]
        named = top in declared if declared is not None else top in SPLITS or _may_be_one(value)
        if named and top not in but and key not in but:
            found[key] = value
    return found


def required_files(section: Mapping[str, Any]) -> list[str]:
    """Return the paths and URLs of the files that a section of data reads the splits from.

    They are not known of readers that also read folders, or do not declare their files.
    """
    component = registry().find("data", name_and_params(section)[0])
    if component.files is None or callable(component.files) or "/" in component.suffixes:
        return []
    values = [section.get(split) for split in SPLITS if split in component.files]
    return [one for one in values if isinstance(one, str) and one]


def _texts(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield each text that is not empty, with its key."""
    if isinstance(value, str) and value:
        yield prefix, value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _texts(one, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, list | tuple):
        for number, one in enumerate(value):
            yield from _texts(one, f"{prefix}.{number}")


def _may_be_one(text: str) -> bool:
    """Return whether a text could be a path or URL; this opens nothing."""
    if any(mark in text for mark in ("/", "\\", "://")) or text.startswith("~"):
        return True
    try:
        return os.path.lexists(text)
    except ValueError:  # a null byte
        return False


def without_files(kind: Kind, section: Mapping[str, Any], *, keep: Collection[str] = ()) -> Any:
    """Return a section without the paths and URLs that it names.

    Args:
        kind: Kind of the component.
        section: Name of the component and its parameters.
        keep: Keys whose values are kept.
    """
    removed = {key.partition(".")[0] for key in named_files(kind, section, keep)}
    return {key: value for key, value in section.items() if key not in removed}
