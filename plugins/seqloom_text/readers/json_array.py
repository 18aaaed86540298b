"""The items of a JSON array that is a whole file, each with the line where it begins."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from seqloom.data import TextFile

_ARRAY = re.compile(r"\s*\[(?!\s*\")")
"""How the first line of an array begins, unless its items are texts."""
_SPACE = re.compile(r"\s*")


def begins_array(line: str) -> bool:
    """Return whether a file with this first line is an array of objects, or of arrays."""
    return _ARRAY.match(line) is not None


def array_items(
    text: TextFile, lines: Iterable[tuple[int, str]], problems: dict[int, str]
) -> Iterator[tuple[int, str]]:
    """Yield the line and the JSON of each item of an array.

    The text is in memory as a whole, the items are not.

    Args:
        text: File.
        lines: Its lines, numbered.
        problems: Problems of lines that are not in the file's encoding, by number.

    Raises:
        DataError: It is not an array.
    """
    parts = list[str]()
    for number, content in lines:
        if number in problems:
            raise text.error(number, problems[number])
        parts.append(content)
    whole = "".join(parts)
    decode = json.JSONDecoder().raw_decode
    at, number, counted = _after(whole, whole.index("[") + 1), 1, 0
    if whole[at : at + 1] == "]":
        return
    while True:
        number, counted = number + whole.count("\n", counted, at), at
        try:
            _, end = decode(whole, at)
        except RecursionError:
            raise text.error(number, "lists and objects are nested too deeply.") from None
        except ValueError as error:
            place = getattr(error, "pos", at)
            line = 1 + whole.count("\n", 0, place)
            column = place - whole.rfind("\n", 0, place)
            what = getattr(error, "msg", "a number has too many digits").removesuffix(
                " starting at"
            )
            raise text.error(
                line, f"not JSON: {what} at column {column}; expected an array of objects."
            ) from None
        yield number, whole[at:end]
        at = _after(whole, end)
        if whole[at : at + 1] != ",":
            break
        at = _after(whole, at + 1)
    if whole[at : at + 1] != "]" or whole[at + 1 :].strip():
        line = 1 + whole.count("\n", 0, at)
        raise text.error(line, "not JSON: expected a comma or the end of the array.")


def _after(whole: str, at: int) -> int:
    """Return the place of the first character from a place on that is not white space."""
    found = _SPACE.match(whole, at)
    assert found is not None  # it matches nothing, too
    return found.end()
