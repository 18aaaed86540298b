"""The outputs of two directions, and the two merged in four ways, chosen by buttons.

All four are drawn here. ``merges.js`` chooses which one is shown; without it, ``concat`` is.

Values: ``title``; ``words``; ``forward`` and ``backward``, a list of H numbers for each word;
``scores``, for each merge the F1 in percent, ``value``, its ``low`` and ``high``, and the
``parameters`` of models trained with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from measured import svg

Matrix = Sequence[Sequence[float]]

WIDE, HIGH, LEFT, HEAD, GAP = 10, 14, 84, 18, 12
MERGES: Mapping[str, Callable[[Sequence[float], Sequence[float]], list[float]]] = {
    "concat": lambda f, b: [*f, *b],
    "sum": lambda f, b: [x + y for x, y in zip(f, b, strict=True)],
    "average": lambda f, b: [(x + y) / 2 for x, y in zip(f, b, strict=True)],
    "multiply": lambda f, b: [x * y for x, y in zip(f, b, strict=True)],
}
SAYS = {
    "concat": "Nothing is lost: what reads the states sees each direction by itself.",
    "sum": "Two units that agree add up, two that disagree cancel.",
    "average": "The same as the sum, half as large.",
    "multiply": "A unit near 0 in one direction silences the other, and two negative ones turn "
    "positive.",
}


def draw(values: Mapping[str, Any]) -> str:
    """Return the maps of the directions, the buttons, and a panel for each merge."""
    words, pair = values["words"], (values["forward"], values["backward"])
    full = LEFT + 2 * WIDE * len(pair[0][0]) + GAP
    both = _maps(values["title"], words, {"forward →": pair[0], "← backward": pair[1]}, full)
    buttons, panels = [], []
    for name, merge in MERGES.items():
        merged = [merge(f, b) for f, b in zip(*pair, strict=True)]
        panels.append(_panel(name, words, merged, values["scores"][name], full))
        pressed = str(name == "concat").lower()
        buttons.append(
            svg.element("button", name, type="button", data_merge=name, aria_pressed=pressed)
        )
    group = svg.element(
        "div", *buttons, class_="merges-buttons", role="group", aria_label="Merge", hidden="hidden"
    )
    return svg.element("div", both, group, *panels, class_="measured-merges")


def _panel(
    name: str, words: Sequence[str], merged: Matrix, score: Mapping[str, Any], full: int
) -> str:
    numbers = [value for row in merged for value in row]
    width, low, high = len(merged[0]), min(numbers), max(numbers)
    reached = f"F1 {score['value']:.1f} ({score['low']:.1f} to {score['high']:.1f})"
    reach = f"{low:.2f} to {high:.2f}".replace("-", "−")
    note = svg.element(
        "p",
        svg.element("strong", f"{width} numbers a word, here {reach}."),
        f" {SAYS[name]} Trained with {name}: {reached}, {score['parameters']:,} parameters.",
    )
    picture = _maps(f"Merged by {name}, {width} numbers a word", words, {name: merged}, full)
    shown = {} if name == "concat" else {"hidden": "hidden"}
    return svg.element("div", picture, note, data_panel=name, **shown)


def _maps(title: str, words: Sequence[str], maps: Mapping[str, Matrix], full: int) -> str:
    """Return the maps side by side in a picture ``full`` wide, whatever their number."""
    parts, x = [], LEFT
    for row, word in enumerate(words):
        parts.append(svg.text(word, LEFT - 6, HEAD + HIGH * (row + 0.75), "end", "tick"))
    for label, matrix in maps.items():
        parts.append(svg.text(label, x, HEAD - 6, kind="label"))
        for row, numbers in enumerate(matrix):
            for column, value in enumerate(numbers):
                place = {"x": x + WIDE * column, "y": HEAD + HIGH * row}
                parts.append(svg.cell(value, 1.0, **place, width=WIDE - 1, height=HIGH - 1))
        x += WIDE * len(matrix[0]) + GAP
    return svg.picture(title, HEAD + HIGH * len(words) + 2, parts, full)
