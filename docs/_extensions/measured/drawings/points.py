"""A point for each row over two numbers, with a vertical line from its lowest to its highest value.

Values: ``title``; ``x``, which begins at zero, and ``y`` with a ``label``; ``rows``, a list of
``name``, ``x`` and ``value``, which may have ``low`` and ``high`` and a ``series``, from 1, that
sets the colour.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from measured import svg
from measured.drawings.lines import spread

HEIGHT = 250
LEFT, RIGHT, TOP, BOTTOM = 46, svg.WIDTH - 12, 26, HEIGHT - 40
_Scale = Callable[[float], float]
LETTER = 6.2
"""Width of a letter of a name."""
_GAP = 13.0
"""Space between two names, one below the other."""


def draw(values: Mapping[str, Any]) -> str:
    """Return the picture."""
    rows = values["rows"]
    low_y, high_y = _reach(
        [row[key] for row in rows for key in ("low", "value", "high") if key in row]
    )
    high_x = 1.1 * max(row["x"] for row in rows)
    to_x = svg.linear(0.0, high_x, LEFT, RIGHT)
    to_y = svg.linear(low_y, high_y, BOTTOM, TOP)
    parts = [svg.text(values["y"]["label"], 4, TOP - 14, kind="label")]
    parts.append(svg.text(values["x"]["label"], (LEFT + RIGHT) / 2, HEIGHT - 4, "middle", "label"))
    for tick in svg.ticks(low_y, high_y):
        parts.append(svg.line(LEFT, to_y(tick), RIGHT, to_y(tick), "grid"))
        parts.append(svg.text(svg.number(tick), LEFT - 5, to_y(tick) + 4, "end", "tick"))
    parts += [
        svg.text(svg.number(tick), to_x(tick), BOTTOM + 15, "middle", "tick")
        for tick in svg.ticks(0.0, high_x)
    ]
    heights = _apart([to_y(row["value"]) for row in rows])
    for row, y in zip(rows, heights, strict=True):
        parts += _point(row, to_x, to_y, y)
    return svg.picture(values["title"], HEIGHT, parts)


def _point(row: Mapping[str, Any], to_x: _Scale, to_y: _Scale, name_y: float) -> list[str]:
    """Return a point with its range and its name, which a thin line joins to it."""
    x, y, kind = to_x(row["x"]), to_y(row["value"]), f"s{row.get('series', 1)}"
    parts = []
    if "low" in row:
        parts.append(svg.line(x, to_y(row["low"]), x, to_y(row["high"]), f"line {kind}"))
    parts.append(svg.element("circle", cx=float(x), cy=float(y), r=4.5, class_=f"dot {kind}"))
    left = x + 20 + LETTER * len(row["name"]) > svg.WIDTH  # no room at the right
    side = -1 if left else 1
    parts.append(svg.line(x + 5 * side, y, x + 14 * side, name_y, "grid"))
    parts.append(
        svg.text(row["name"], x + 16 * side, name_y + 4, "end" if left else "start", "name")
    )
    return parts


def _apart(places: Sequence[float]) -> list[float]:
    """Return heights for names: moved down where two are close, or up if there is no room."""
    down = spread(places, _GAP)
    return down if max(down) <= BOTTOM else [-y for y in spread([-y for y in places], _GAP)]


def _reach(numbers: Sequence[float]) -> tuple[float, float]:
    """Return the smallest and the largest number, with a tenth of their distance around them."""
    low, high = min(numbers), max(numbers)
    margin = (high - low or abs(high) or 1.0) / 10
    return low - margin, high + margin
