"""A plot of times over sizes, both axes by powers of ten, as SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 960, 400, 60, 20, 520, 350
LABEL = "Time over each size, both axes by powers of ten"
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #222 }
.axis { stroke: #999; stroke-width: 0.5 }
.paper { fill: #fff }
@media (prefers-color-scheme: dark) { text { fill: #ddd } .paper { fill: #181818 } }
"""


def plot(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the SVG of rows with ``points``: pairs of a size and the seconds that it takes."""
    points = [tuple(map(math.log10, point)) for row in rows for point in row["points"]]
    x0, x1 = (bound(one for one, _ in points) for bound in (_floor, _ceil))
    y0, y1 = (bound(one for _, one in points) for bound in (_floor, _ceil))

    def place(size: float, seconds: float) -> tuple[float, float]:
        x = LEFT + (math.log10(size) - x0) / (x1 - x0) * (RIGHT - LEFT)
        return x, BOTTOM - (math.log10(seconds) - y0) / (y1 - y0) * (BOTTOM - TOP)

    body = []
    for power in range(x0, x1 + 1):
        x, _ = place(10.0**power, 10.0**y0)
        body.append(_line(x, TOP, x, BOTTOM) + _text(x, BOTTOM + 16, f"10^{power}", "middle"))
    for power in range(y0, y1 + 1):
        _, y = place(10.0**x0, 10.0**power)
        body.append(_line(LEFT, y, RIGHT, y) + _text(LEFT - 6, y + 4, f"10^{power} s", "end"))
    for number, row in enumerate(rows):
        colour = f"hsl({360 * number // len(rows)}, 60%, 45%)"
        path = " ".join("{:.1f},{:.1f}".format(*place(*point)) for point in row["points"])
        body.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        y = TOP + 12 + 20 * number
        body.append(f'<rect x="{RIGHT + 14}" y="{y - 9}" width="10" height="10" fill="{colour}"/>')
        body.append(_text(RIGHT + 30, y, f"{row['size']}: exponent {row['ratio']:.2f}"))
    paper = f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>'
    start = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{LABEL}">'
    )
    return "\n".join([start, f"<style>{STYLE}</style>", paper, *body, "</svg>\n"])


def _floor(values: Any) -> int:
    return math.floor(min(values))


def _ceil(values: Any) -> int:
    return math.ceil(max(values))


def _line(x: float, y: float, to_x: float, to_y: float) -> str:
    return f'<line class="axis" x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
