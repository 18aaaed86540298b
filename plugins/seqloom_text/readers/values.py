"""From what a cell or a JSON value holds to the value of a field."""

from __future__ import annotations

from typing import Any


def parse(raw: Any, kind: str, separator: str = "|") -> Any:
    """Return the value of a field of this kind.

    A string of tokens or tags is split at spaces, runs of them counting as one; a string of labels
    at the separator. Lists and whole numbers, as JSON has them, are taken as they are.

    >>> parse("a b  c", "tokens"), parse("red| blue", "labels"), parse([0, 3], "tags")
    (['a', 'b', 'c'], ['red', 'blue'], ['0', '3'])

    Raises:
        ValueError: the value is of another type; the text says which.
    """
    if kind in ("text", "label"):
        value = _string(raw)
        return value.strip() if kind == "label" else value
    if isinstance(raw, list):
        items = [_string(item) for item in raw]
    elif kind == "labels":
        items = [part.strip() for part in _string(raw).split(separator)] if raw != "" else []
    else:
        # Only the space splits: str.split() would tear tokens at no-break spaces.
        items = [part for part in _string(raw).split(" ") if part]
    if "" in items:
        raise ValueError(f"item {items.index('') + 1} of {len(items)} is empty")
    return items


def is_empty(value: Any, kind: str) -> bool:
    """Return whether the value says nothing; no labels at all may be meant."""
    return kind != "labels" and (not value.strip() if isinstance(value, str) else not value)


def _string(raw: Any) -> str:
    if isinstance(raw, str):
        return raw
    if isinstance(raw, int) and not isinstance(raw, bool):
        return str(raw)
    raise ValueError(f"expected text, found {type(raw).__name__} {raw!r}")
