"""The picture of README.md, drawn from the stored measurement of the front page's figure.

    python docs/_extensions/readme_picture.py    writes docs/which-apple.svg

A README is shown on pages without our style sheet, light or dark, so the picture has colours and a
background of its own. A test compares it with what this draws.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(Path(__file__).parent))

from measured import svg  # noqa: E402
from measured.stored import Place  # noqa: E402

PICTURE = ROOT / "docs" / "which-apple.svg"
WIDTH, HEIGHT = 760, 250
LEFT, RIGHT, TOP, BOTTOM = 70, WIDTH - 110, 62, 190
HEADING = "P(company) at the first word as the words after it arrive"
INK, MUTED, GRID = "#1d2433", "#5d6675", "#dcdfe6"
COLOURS = {"LSTM": "#7a4fc0", "BiLSTM": "#2f6fdf"}


def drawn() -> str:
    """Return the picture."""
    panel = Place(ROOT).read("apple")["values"]["panels"][0]
    words, models = panel["words"], panel["models"]
    to_x = svg.linear(0, len(words) - 1, LEFT + 20, RIGHT - 10)
    to_y = svg.linear(0, 1, BOTTOM, TOP)
    last = ", ".join(f"{name} {curve[-1][0]:.3f}" for name, curve in models.items())
    title = f"P(company) at “Apple” as the words after it arrive; in the end {last}"
    parts = [
        svg.element("rect", width=WIDTH, height=HEIGHT, rx=10, fill="#ffffff", stroke=GRID),
        text(f"Which Apple? {HEADING}", 24, 34, size=16, bold=True),
    ]
    for tick in (0.0, 0.5, 1.0):
        y = to_y(tick)
        parts.append(svg.element("line", x1=LEFT, y1=y, x2=RIGHT, y2=y, stroke=GRID))
        parts.append(text(svg.number(tick), LEFT - 10, y + 4, "end", MUTED))
    parts += [
        text(word, to_x(place), BOTTOM + 26, "middle", bold=not place)
        for place, word in enumerate(words)
    ]
    for name, curve in models.items():
        points = [(to_x(place), to_y(pair[0])) for place, pair in enumerate(curve)]
        parts.append(line(points, COLOURS[name]))
        parts.append(text(name, RIGHT + 6, points[-1][1] + 5, "start", COLOURS[name], bold=True))
    return svg.element(
        "svg",
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=title,
        font_family="ui-sans-serif, system-ui, sans-serif",
    )


def line(points: Sequence[tuple[float, float]], colour: str) -> str:
    """Return a line with a dot for each point."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    drawn = [svg.element("polyline", points=path, fill="none", stroke=colour, stroke_width=3)]
    drawn += [svg.element("circle", cx=x, cy=y, r=4, fill=colour) for x, y in points]
    return "".join(drawn)


def text(
    content: str,
    x: float,
    y: float,
    anchor: str = "start",
    colour: str = INK,
    *,
    size: int = 13,
    bold: bool = False,
) -> str:
    """Return a text."""
    return svg.element(
        "text",
        escape(content),
        x=float(x),
        y=float(y),
        text_anchor=anchor,
        fill=colour,
        font_size=size,
        font_weight=600 if bold else 400,
    )


if __name__ == "__main__":
    PICTURE.write_text(drawn() + "\n", encoding="utf-8")
    print(PICTURE.relative_to(ROOT))
