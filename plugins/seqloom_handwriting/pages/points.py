"""Lists of points as ALTO and PAGE XML write them."""

from __future__ import annotations

import math
import re

from seqloom_handwriting.pages.model import Points

_SEPARATOR = re.compile(r"[\s,]+")


def parse_points(text: str) -> Points:
    """Return the points of ``x,y x,y``, ``x y x y`` or ``x,y,x,y``.

    >>> parse_points("1,2 3,4.5"), parse_points("1 2 3 4")
    (((1.0, 2.0), (3.0, 4.5)), ((1.0, 2.0), (3.0, 4.0)))

    Raises:
        ValueError: with a sentence, if these are not pairs of numbers.
    """
    numbers = [_number(word) for word in _SEPARATOR.split(text.strip()) if word]
    if len(numbers) % 2:
        raise ValueError(f"{len(numbers)} coordinates in {_short(text)}; expected pairs of x and y")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _number(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{_short(word)} is not a coordinate; expected a number") from None
    return value


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")
