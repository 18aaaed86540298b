"""SVG as text: elements, axes and their ticks, cells of heat maps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape

WIDTH = 460
"""Width of a drawing; the page scales it, so that its text stays readable on a phone."""


def element(tag: str, *children: str, **attributes: object) -> str:
    """Return an element; ``class_`` and ``font_size`` become ``class`` and ``font-size``.

    >>> element("text", "a &lt; b", x=1.50, class_="muted")
    '<text x="1.5" class="muted">a &lt; b</text>'
    """
    named = (
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
    )
    return f"<{tag}{''.join(named)}>{''.join(children)}</{tag}>"


def _value(value: object) -> str:
    return (
        f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else escape(str(value))
    )


def text(content: object, x: float, y: float, anchor: str = "start", kind: str = "") -> str:
    """Return a text; ``anchor`` is ``start``, ``middle`` or ``end``, ``kind`` its class."""
    return element(
        "text", escape(str(content)), x=float(x), y=float(y), text_anchor=anchor, class_=kind
    )


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """Return a straight line."""
    return element("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), class_=kind)


def picture(title: str, height: float, parts: Iterable[str], width: float = WIDTH) -> str:
    """Return a whole picture; ``title`` is what a screen reader says, so it tells the finding."""
    return element(
        "svg",
        element("title", escape(title)),
        *parts,
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_label=title,
    )


def linear(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """Return the map of [low, high] to [start, end]."""
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (end - start)


def logarithmic(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """Return the map of [low, high], both above zero, to [start, end] by logarithms."""
    inner = linear(math.log(low), math.log(high), start, end)
    return lambda value: inner(math.log(max(value, low)))


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Return round numbers between two numbers, at most ``most`` + 1.

    >>> ticks(0, 1), ticks(0, 60)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [0.0, 20.0, 40.0, 60.0])
    """
    raw = (high - low) / most or 1.0
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 10) for n in range(first, math.floor(high / step + 1e-9) + 1)]


def powers(low: float, high: float, most: int = 5) -> list[float]:
    """Return powers of ten between two numbers.

    >>> powers(0.001, 1)
    [0.001, 0.01, 0.1, 1.0]
    """
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    step = max(1, math.ceil((last - first) / most))
    return [10.0**n for n in range(last, first - 1, -step)][::-1]


def number(value: float) -> str:
    """Return a number as a tick says it.

    >>> number(0.2), number(20.0), number(1e-06), number(-1.0)
    ('0.2', '20', '10⁻⁶', '−1')
    """
    if value and abs(value) < 1e-3 and math.log10(abs(value)).is_integer():
        power = str(round(math.log10(abs(value))))
        return "10" + power.translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{value:g}".replace("-", "−")


def cell(value: float, reach: float, **place: float) -> str:
    """Return a cell of a heat map: colour by sign, full where the value has the size ``reach``."""
    kind = "positive" if value >= 0 else "negative"
    strength = min(1.0, abs(value) / reach)
    return element("rect", **place, class_=kind, fill_opacity=strength)


def polyline(points: Sequence[tuple[float, float]], kind: str) -> str:
    """Return a line through points."""
    return element("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points), class_=kind)
