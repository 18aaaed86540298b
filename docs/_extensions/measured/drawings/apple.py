"""Two readings of a sentence, word by word: the figure "Which Apple?" of the front page.

Values: ``title``; ``panels``, a list of ``meaning``, ``words`` and ``models``, which maps the name
of a model to [P(company), P(fruit)] at the first word after each number of words. Without
JavaScript, each panel shows its whole sentence; ``apple.js`` adds a slider and buttons.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from measured import svg

HEIGHT, TOP, BOTTOM = 190, 14, 118
LEFT, RIGHT = 34, svg.WIDTH - 66
COLOURS = {"LSTM": "s4", "BiLSTM": "s1"}

Curve = Sequence[Sequence[float]]


def draw(values: Mapping[str, Any]) -> str:
    """Return the panels, and the controls that the script fills."""
    panels = "".join(_panel(panel, index) for index, panel in enumerate(values["panels"]))
    controls = svg.element("div", class_="apple-controls", hidden="hidden")
    return svg.element("div", controls, panels, class_="apple")


def _panel(panel: Mapping[str, Any], index: int) -> str:
    words, models = panel["words"], panel["models"]
    if any(len(curve) != len(words) for curve in models.values()):
        raise ValueError(f"{len(words)} words and curves of other lengths")
    chips = "".join(
        svg.element("span", escape(word), class_="apple-first" if not position else "")
        for position, word in enumerate(words)
    )
    bars = "".join(_bar(name, curve) for name, curve in models.items())
    return svg.element(
        "section",
        svg.element("p", chips, class_="apple-words"),
        svg.element("div", bars, class_="apple-bars"),
        _chart(words, models, index),
        class_="apple-panel",
        data_meaning=panel["meaning"],
        data_models=json.dumps(models),
    )


def _bar(name: str, curve: Curve) -> str:
    """Return what a model makes of the whole sentence, as text and as a bar."""
    company, fruit = curve[-1]
    label = svg.element("b", escape(name))
    numbers = svg.element("span", f"company {company:.1%}", class_="apple-company")
    numbers += svg.element("span", f"fruit {fruit:.1%}", class_="apple-fruit")
    fill = svg.element("i", style=f"width:{company:.1%}")
    bar = svg.element("div", fill, class_="apple-bar", aria_hidden="true")
    return svg.element("div", label, numbers, bar, class_="apple-row", data_model=name)


def _chart(words: Sequence[str], models: Mapping[str, Curve], index: int) -> str:
    """Return P(company) over the number of words that were read."""
    to_x = svg.linear(0, len(words) - 1, LEFT + 16, RIGHT - 8)
    to_y = svg.linear(0, 1, BOTTOM, TOP)
    parts = []
    for tick in (0.0, 0.5, 1.0):
        parts.append(svg.line(LEFT, to_y(tick), RIGHT, to_y(tick), "grid"))
        parts.append(svg.text(svg.number(tick), LEFT - 6, to_y(tick) + 4, "end", "tick"))
    for position, word in enumerate(words):
        place = f"translate({to_x(position):.1f} {BOTTOM + 14}) rotate(35)"
        parts.append(svg.element("text", escape(word), transform=place, class_="tick"))
    ends = _apart([to_y(curve[-1][0]) for curve in models.values()])
    seen = f"apple-seen-{index}"
    window = svg.element("rect", x=0, y=0, width=svg.WIDTH, height=HEIGHT)
    parts.append(svg.element("clipPath", window, id=seen))
    for (name, curve), end in zip(models.items(), ends, strict=True):
        points = [(to_x(place), to_y(pair[0])) for place, pair in enumerate(curve)]
        kind = COLOURS[name]
        parts.append(svg.polyline(points, f"line faint {kind}"))
        strong = svg.polyline(points, f"line {kind}")
        parts.append(svg.element("g", strong, clip_path=f"url(#{seen})"))
        x, y = points[-1]
        places = json.dumps([[round(value, 1) for value in point] for point in points])
        dot = {"cx": x, "cy": y, "r": 4.5, "data_points": places}
        parts.append(svg.element("circle", class_=f"dot {kind}", **dot))
        parts.append(svg.text(name, RIGHT + 4, end + 4, kind=f"name {kind}"))
    (first, *_), last = words, {name: curve[-1][0] for name, curve in models.items()}
    told = ", ".join(f"{name} {value:.1%}" for name, value in last.items())
    title = f"P(company) at “{first}” after all words of “{' '.join(words)}”: {told}"
    return svg.picture(title, HEIGHT, parts)


def _apart(places: list[float], gap: float = 14) -> list[float]:
    """Return two places at least ``gap`` apart.

    >>> _apart([10, 14])
    [5.0, 19.0]
    """
    low, high = sorted(places)
    if high - low < gap:
        middle = (low + high) / 2
        return [middle + (gap if place == high else -gap) / 2 for place in places]
    return places
