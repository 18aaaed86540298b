"""The texts of an encoder's keys, from the docstring of its schema."""

from __future__ import annotations

import inspect
import re

_SECTION = re.compile(r"^Attributes:\n((?:[ ]{4}.*(?:\n|$)|\n)+)", re.MULTILINE)
_ENTRY = re.compile(r"^[ ]{4}(\w+):((?:.*\n?)(?:[ ]{8}.*\n?)*)", re.MULTILINE)


def texts(schema: type) -> dict[str, str]:
    """Return the text of each parameter, those of the base classes included."""
    found: dict[str, str] = {}
    for one in reversed(schema.__mro__):
        section = _SECTION.search(inspect.cleandoc(one.__doc__ or ""))
        for name, text in _ENTRY.findall(section[1] if section else ""):
            found[name] = " ".join(text.split())
    return found
