"""Strokes of points, as tables write them."""

from __future__ import annotations

import math

Point = tuple[float, float]
Strokes = list[list[Point]]
"""Strokes in the order of writing; each a list of (x, y)."""


def parse_strokes(text: str) -> Strokes:
    """Return the strokes of a cell: parted by ``|``, points by spaces, each ``x,y``.

    >>> parse_strokes("1,2 3,4.5|6,7")
    [[(1.0, 2.0), (3.0, 4.5)], [(6.0, 7.0)]]

    Raises:
        ValueError: a piece is no point, or a stroke has none.
    """
    return [_stroke(number, piece) for number, piece in enumerate(text.split("|"), 1)]


def flip(strokes: Strokes) -> Strokes:
    """Return the strokes with y growing the other way."""
    return [[(x, -y) for x, y in stroke] for stroke in strokes]


def point(piece: str, values: list[str], where: str) -> Point:
    """Return a point for the two numbers of a piece of text.

    Raises:
        ValueError: they are not two finite numbers.
    """
    try:
        x, y = map(float, values)
    except ValueError:
        x = y = math.nan
    if not (math.isfinite(x) and math.isfinite(y)):
        raise ValueError(f"{where}: {piece!r} is no point of two finite numbers")
    return x, y


def _stroke(number: int, text: str) -> list[Point]:
    pieces = text.split()
    if not pieces:
        raise ValueError(f"stroke {number} has no points; expected x,y x,y … and | between strokes")
    return [
        point(piece, piece.split(","), f"stroke {number}, point {place} (x,y is expected)")
        for place, piece in enumerate(pieces, 1)
    ]
