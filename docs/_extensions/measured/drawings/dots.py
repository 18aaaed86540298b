"""A dot for each row, with a line from its lowest to its highest value.

Values: ``title``; ``x`` with a ``label`` and perhaps a ``range``; ``rows``, a list of ``name`` and
``value``, which may have ``low`` and ``high`` and a ``series``, from 1, that sets the colour.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from measured import svg

ROW, TOP, LEFT = 22, 8, 120
LETTER = 7.2
"""Width of a letter of a name; long names make the picture wider."""


def draw(values: Mapping[str, Any]) -> str:
    """Return the picture."""
    rows, axis = values["rows"], values["x"]
    everything = [row[key] for row in rows for key in ("low", "value", "high") if key in row]
    left = max(float(LEFT), LETTER * max(len(row["name"]) for row in rows) + 12)
    width = svg.WIDTH - LEFT + left
    right = width - 60
    scale = svg.linear(*axis.get("range", (min(everything), max(everything))), left, right)
    bottom = TOP + ROW * len(rows)
    parts = []
    for tick in svg.ticks(*axis.get("range", (min(everything), max(everything)))):
        parts.append(svg.line(scale(tick), TOP, scale(tick), bottom, "grid"))
        parts.append(svg.text(svg.number(tick), scale(tick), bottom + 14, "middle", "tick"))
    for index, row in enumerate(rows):
        y, kind = TOP + ROW * (index + 0.5), f"s{row.get('series', 1)}"
        parts.append(svg.text(row["name"], left - 10, y + 4, "end", "name"))
        if "low" in row:
            parts.append(svg.line(scale(row["low"]), y, scale(row["high"]), y, f"line {kind}"))
        dot = {"cx": float(scale(row["value"])), "cy": float(y), "r": 4.5}
        parts.append(svg.element("circle", **dot, class_=f"dot {kind}"))
        parts.append(svg.text(f"{row['value']:.3g}", right + 10, y + 4, kind="tick"))
    parts.append(svg.text(axis["label"], (left + right) / 2, bottom + 29, "middle", "label"))
    return svg.picture(values["title"], bottom + 34, parts, width)
