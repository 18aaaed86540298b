"""Tell JSON Lines from other JSON."""

from __future__ import annotations

import re

from seqloom.data.text_file import TextFile

_ONE_VALUE = re.compile(r"\s*(?:\[\s*(?:\{|\Z)|\{\s*\Z)")


def is_one_value(line: str) -> bool:
    """Return whether the first line of a file begins an array of objects, or an object of several.

    >>> is_one_value('[{"text": "a"},'), is_one_value("{"), is_one_value('{"text": "a"}')
    (True, True, False)
    """
    return bool(_ONE_VALUE.match(line))


def refuse_one_value(file: TextFile, line: str, also: str = "") -> None:
    """Refuse a file that is JSON, but not JSON Lines.

    Args:
        file: File.
        line: Its first line.
        also: A sentence on what reads such files, for the message.

    Raises:
        DataError: The line begins a value of several lines, or an array.
    """
    if is_one_value(line):
        problem = (
            "the file is JSON, but not JSON Lines: expected an object on each line. Convert it, "
            "an array with jq -c '.[]' FILE, and objects of several lines with jq -c . FILE."
        )
        raise file.error(1, f"{problem} {also}".rstrip())
