"""Refuse lone surrogates, which Python and JSON allow in a text and no encoding can write."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from seqloom.errors import ExampleError
from seqloom.interfaces.example import Example

_SURROGATE = re.compile("[\ud800-\udfff]")


def refuse_surrogates(example: Example) -> None:
    """Refuse an example whose id, texts or lists of texts have a lone surrogate.

    Raises:
        ExampleError: Names the field, the surrogate and its place.
    """
    if _can_be_written(example.id) and all(map(_is_clean, example.fields.values())):
        return
    fields = ((f"the field {name!r}", value) for name, value in example.fields.items())
    for name, value in (("the id", example.id), *fields):
        for where, text in _texts(value):
            found = None if text.isascii() else _SURROGATE.search(text)
            if found:
                raise ExampleError(
                    example,
                    f"{name} has {found[0]!a} at character {found.start() + 1}{where}: "
                    f"{_what_it_is(name, found[0])}",
                )


def _what_it_is(name: str, surrogate: str) -> str:
    """Return what a surrogate stands for, and what to do; in ids it may be a byte of a path."""
    if name == "the id" and "\udc80" <= surrogate <= "\udcff":
        return (
            f"the byte {ord(surrogate) - 0xDC00:#x} in the name of a file, which is not UTF-8. "
            "Rename the file."
        )
    return (
        "half of a surrogate pair, which is not a character. Remove it, or replace it with "
        "'\\ufffd'."
    )


def _is_clean(value: Any) -> bool:
    """Return whether there is no surrogate in a field's value; False if that is not clear."""
    if isinstance(value, str):
        return _can_be_written(value)
    if not isinstance(value, list | tuple):
        return True
    try:
        return _can_be_written("".join(value))
    except TypeError:  # not only texts
        return False


def _can_be_written(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _texts(value: Any) -> Iterator[tuple[str, str]]:
    """Yield the texts in a field's value, each with its place if there are several."""
    if isinstance(value, str):
        yield "", value
    elif isinstance(value, list | tuple):
        for number, one in enumerate(value, 1):
            if isinstance(one, str):
                yield f" of item {number}", one
