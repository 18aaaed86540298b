"""One or several matrices as coloured cells, blue above zero and orange below.

Values: ``title``; ``rows``, the label of each row; ``panels``, a list of ``title`` and ``values``,
a list of rows; ``reach``, the size of a value that has the full colour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from measured import svg

CELL = 14
HEAD, LEFT, GAP = 22, 84, 14


def draw(values: Mapping[str, Any]) -> str:
    """Return the panels side by side."""
    rows, parts, x = values["rows"], [], float(LEFT)
    for index, label in enumerate(rows):
        parts.append(svg.text(label, LEFT - 6, HEAD + CELL * (index + 0.75), "end", "tick"))
    for panel in values["panels"]:
        parts.append(svg.text(panel["title"], x, HEAD - 8, kind="label"))
        if len(panel["values"]) != len(rows):
            raise ValueError(f"{len(panel['values'])} rows of values, {len(rows)} labels")
        parts += cells(panel["values"], values["reach"], x, HEAD)
        x += CELL * len(panel["values"][0]) + GAP
    return svg.picture(values["title"], HEAD + CELL * len(rows) + 4, parts, x - GAP + 2)


def cells(matrix: Sequence[Sequence[float]], reach: float, left: float, top: float) -> list[str]:
    """Return the cells of a matrix, from its upper left corner."""
    found = []
    for row, numbers in enumerate(matrix):
        for column, value in enumerate(numbers):
            place = {"x": left + CELL * column, "y": top + CELL * row}
            found.append(svg.cell(value, reach, **place, width=CELL - 1, height=CELL - 1))
    return found
