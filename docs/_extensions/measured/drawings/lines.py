"""Lines over numbers or over words.

Values: ``title``; ``x`` and ``y`` with a ``label``; ``x`` has the ``values``, numbers or words;
``y`` may have a ``range`` and ``log: true``; ``series`` is a list of ``name`` and ``values``, and
may have ``low`` and ``high``, which are drawn as a band.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from measured import svg

HEIGHT = 250
LEFT, RIGHT, TOP, BOTTOM = 46, svg.WIDTH - 84, 26, HEIGHT - 40
_GAP = 13.0
"""Space between two names at the right end."""


def draw(values: Mapping[str, Any]) -> str:
    """Return the picture."""
    series = values["series"]
    to_x, x_axis = _x_axis(values["x"])
    to_y, y_axis = _y_axis(values["y"], series)
    parts = [*y_axis, *x_axis]
    xs = [to_x(position) for position in range(len(values["x"]["values"]))]
    for index, one in enumerate(series, 1):
        if "low" in one:
            above = list(zip(xs, map(to_y, one["high"]), strict=True))
            below = list(zip(xs, map(to_y, one["low"]), strict=True))
            outline = " ".join(f"{x:.1f},{y:.1f}" for x, y in [*above, *below[::-1]])
            parts.append(svg.element("polygon", points=outline, class_=f"band s{index}"))
        points = list(zip(xs, map(to_y, one["values"]), strict=True))
        parts.append(svg.polyline(points, f"line s{index}"))
    ends = spread([to_y(one["values"][-1]) for one in series], _GAP)
    for index, (one, y) in enumerate(zip(series, ends, strict=True), 1):
        parts.append(svg.text(one["name"], RIGHT + 6, y + 4, kind=f"name s{index}"))
    return svg.picture(values["title"], HEIGHT, parts)


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Return the places, moved down where one would be closer than ``gap`` to the one above.

    >>> spread([10, 40, 12], 13)
    [10, 40, 23]
    """
    moved, above = list(places), float("-inf")
    for index in sorted(range(len(places)), key=places.__getitem__):
        moved[index] = above = max(places[index], above + gap)
    return moved


def _x_axis(axis: Mapping[str, Any]) -> tuple[Callable[[int], float], list[str]]:
    """Return the map from a position in the list to x, and the axis."""
    values = axis["values"]
    parts = [svg.text(axis["label"], (LEFT + RIGHT) / 2, HEIGHT - 4, "middle", "label")]
    if isinstance(values[0], str):
        place = svg.linear(-0.5, len(values) - 0.5, LEFT, RIGHT)
        for index, word in enumerate(values):  # every other word lower, so that they do not touch
            y = BOTTOM + 13 + 10 * (index % 2)
            parts.append(svg.text(word, place(index), y, "middle", "tick"))
        return place, parts
    scale = svg.linear(values[0], values[-1], LEFT, RIGHT)
    parts += [
        svg.text(svg.number(tick), scale(tick), BOTTOM + 15, "middle", "tick")
        for tick in svg.ticks(values[0], values[-1])
    ]
    return lambda position: scale(values[position]), parts


def _y_axis(
    axis: Mapping[str, Any], series: Sequence[Mapping[str, Any]]
) -> tuple[Callable[[float], float], list[str]]:
    everything = [
        value for one in series for key in ("low", "high", "values") for value in one.get(key, ())
    ]
    low, high = axis.get("range", (min(everything), max(everything)))
    make, marks = (svg.logarithmic, svg.powers) if axis.get("log") else (svg.linear, svg.ticks)
    scale = make(low, high, BOTTOM, TOP)
    parts = [svg.text(axis["label"], 4, TOP - 14, kind="label")]
    for tick in marks(low, high):
        y = scale(tick)
        parts += [
            svg.line(LEFT, y, RIGHT, y, "grid"),
            svg.text(svg.number(tick), LEFT - 5, y + 4, "end", "tick"),
        ]
    return scale, parts
