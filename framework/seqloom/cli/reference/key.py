"""A key of a config: its default, what it may be, what it means, and an override to copy."""

from __future__ import annotations

import re
import shlex
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass
from enum import Enum, EnumType
from typing import Any

from seqloom.plugins import REQUIRED
from seqloom.plugins.texts import Text, member_texts

NOUNS: dict[Any, tuple[str, str]] = {
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    str: ("a text", "texts"),
    bool: ("true or false", "true or false"),
}
"""What values of a type are called, one of them and several."""

RESERVED = re.compile(r"null|true|false|~|[-+.\d][-+.\d,]*|", re.IGNORECASE)
"""Texts that a config would take for something else, or that are empty."""


@dataclass(frozen=True)
class Key:
    """A key of a config.

    Attributes:
        path: The whole key, as on the command line: ``encoder.hidden_size``.
        default: Its default, as a config shows it; empty for a section of keys.
        allowed: What it may be, in words.
        text: What it means; empty if its author does not say.
        override: An override to copy: ``encoder.hidden_size=256``; empty if there is none.
        since: Version that brought it; empty: not said.
        choices: The values that it may have, each with what it means, if they are named.
    """

    path: str
    default: str
    allowed: str
    text: str = ""
    override: str = ""
    since: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.path.rpartition(".")[2]


def make_key(path: str, hint: Any, default: Any, text: Text) -> Key:
    """Return the key of a parameter.

    Args:
        path: The whole key.
        hint: Its type.
        default: Its default.
        text: What is said of it.
    """
    enum = next((one for one in _alternatives(hint) if isinstance(one, EnumType)), None)
    if isinstance(hint, type) and is_dataclass(hint):
        return Key(path, "", "a section", text.text, since=text.since)
    return Key(
        path=path,
        default=shown(default),
        allowed=allowed(hint),
        text=text.text,
        override=_override(path, text.example or _other_value(default, enum)),
        since=text.since,
        choices=_choices(enum) if enum is not None else {},
    )


def shown(value: Any) -> str:
    """Return a value as a config shows it.

    >>> shown(["2x2", None]), shown(True), shown(0.004), shown({})
    ('[2x2, null]', 'true', '0.004', '{}')
    """
    if isinstance(value, str):  # an enum's member, too
        if value == REQUIRED:
            return "required"
        plain = value.name if isinstance(value, Enum) else value
        return repr(plain) if RESERVED.fullmatch(plain) else plain
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{shown(k)}: {shown(v)}' for k, v in value.items())}}}"
    if isinstance(value, Sequence):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, bool | None):
        return "null" if value is None else str(value).lower()
    return value.name if isinstance(value, Enum) else str(value)


def allowed(hint: Any) -> str:
    """Return what values of a type are, in words.

    >>> allowed(int | None), allowed(list[int]), allowed(dict[str, list[str]])
    ('a whole number or null', 'a list of whole numbers', 'keys with lists of texts')
    """
    return _words(hint)[0]


def _words(hint: Any) -> tuple[str, str]:
    """Return what one value of a type is called, and several."""
    if hint in NOUNS:
        return NOUNS[hint]
    if isinstance(hint, EnumType):
        listed = ", ".join(hint.__members__)
        return f"one of: {listed}", f"any of: {listed}"
    alternatives = _alternatives(hint)
    if types.NoneType in alternatives and len(alternatives) > 1:
        words = [_words(one) for one in alternatives if one is not types.NoneType]
        one, several = (" or ".join(found) for found in zip(*words, strict=True))
        return f"{one} or null", f"{several} or null"
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is list and inner:
        _, several = _words(inner[0])
        return f"a list of {several}", f"lists of {several}"
    if origin is dict and inner:
        _, several = _words(inner[1])
        return f"keys with {several}", f"keys with {several}"
    return "a value", "values"


def _alternatives(hint: Any) -> tuple[Any, ...]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return typing.get_args(hint)
    return (hint,)


def _choices(enum: EnumType) -> dict[str, str]:
    texts = member_texts(enum)
    return {name: texts.get(name, "") for name in enum.__members__}


def _other_value(default: Any, enum: EnumType | None) -> str:
    """Return a value that is not the default, as on the command line; empty if none is known."""
    if enum is not None:
        others = [name for name in enum.__members__ if name != shown(default)]
        return others[0] if others else ""
    if isinstance(default, bool):
        return shown(not default)
    if isinstance(default, int):
        return str(2 * default or 1)
    if isinstance(default, float):
        return f"{default / 2:g}" if default else "0.1"
    if isinstance(default, str) and default != REQUIRED and not RESERVED.fullmatch(default):
        return default
    return ""


def _override(path: str, value: str) -> str:
    return shlex.quote(f"{path}={value}") if value else ""
