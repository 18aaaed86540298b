"""The texts that describe a schema's parameters: the section ``Attributes`` of its docstring.

The text of a parameter may end in an example of a value and in the version that brought it::

Attributes:
        width: Number of steps that a state sees. Example: ``5``. Since 0.2.

The text of an enum's member is the comment behind it. Schemas are described where Python keeps
docstrings; with ``-OO`` there are no texts.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from enum import EnumType

_ATTRIBUTES = re.compile(r"^Attributes:\n((?:[ ]{4}.*(?:\n|$)|\n)+)", re.MULTILINE)
_ENTRY = re.compile(r"^[ ]{4}(\w+)(?: \([^)]*\))?:", re.MULTILINE)
_SINCE = re.compile(r"\s*\(?[Ss]ince (\d+(?:\.\d+)*)\)?\.?$")
_EXAMPLE = re.compile(r"\s*Example: (?:``(.+?)``|(\S+?))\.?$")
_PARAMETERS = re.compile(r"^Parameters of ``[^`]+``(?:, with their defaults)?(?:: |\.\s*|$)")
_MEMBER = re.compile(r"^\s+(\w+)\s*=[^#]*#\s*(.+?)\s*$")


@dataclass(frozen=True)
class Text:
    """What is said of a parameter or a component.

    Attributes:
        text: Sentences; empty if there are none.
        example: A value as on the command line; empty if none is given.
        since: Version of its distribution that brought it; empty: not said.
    """

    text: str = ""
    example: str = ""
    since: str = ""

    @classmethod
    def parse(cls, raw: str) -> Text:
        """Return the parts of a text that may end in an example and a version.

        >>> Text.parse("Steps that a state sees. Example: ``5``. Since 0.2.")
        Text(text='Steps that a state sees.', example='5', since='0.2')
        """
        rest = " ".join(raw.split())
        since = _SINCE.search(rest)
        rest = rest[: since.start()] if since else rest
        example = _EXAMPLE.search(rest)
        rest = rest[: example.start()] if example else rest
        return cls(
            rest,
            (example[1] or example[2]) if example else "",
            since[1] if since else "",
        )


def parameter_texts(schema: type) -> dict[str, Text]:
    """Return the texts of a schema's parameters by name, those of its base classes included."""
    found: dict[str, Text] = {}
    for one in reversed(schema.__mro__):
        section = _ATTRIBUTES.search(_docstring(one))
        if section is None:
            continue
        starts = [*_ENTRY.finditer(section[1])]
        ends = [start.start() for start in starts[1:]] + [len(section[1])]
        for start, end in zip(starts, ends, strict=True):
            found[start[1]] = Text.parse(section[1][start.end() : end])
    return found


def summary(schema: type) -> Text:
    """Return what the first paragraph of a schema's docstring says, without "Parameters of …"."""
    raw = " ".join(_docstring(schema).split("\n\n")[0].split())
    said = _PARAMETERS.sub("", raw)
    return Text.parse(said[:1].upper() + said[1:])


def member_texts(enum: EnumType) -> dict[str, str]:
    """Return the comments behind the members of an enum by name; none if there is no source."""
    try:
        lines, _ = inspect.getsourcelines(enum)
    except (OSError, TypeError):
        return {}
    found = (_MEMBER.match(line) for line in lines)
    return {one[1]: one[2] for one in found if one and one[1] in enum.__members__}


def _docstring(schema: type) -> str:
    """Return a class's own docstring; not the signature that ``dataclass`` puts in its place."""
    own = schema.__dict__.get("__doc__")
    if not isinstance(own, str) or own.startswith(f"{schema.__name__}("):
        return ""
    return inspect.cleandoc(own)
