"""Draw with matplotlib, as SVG that uses the page's colours and fonts.

Matplotlib does not support CSS variables: plots are drawn in placeholder colours, which are
replaced in the SVG by the page's, so that one drawing serves the light and the dark theme.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, PAPER, LINE = "#010101", "#fefefe", "#020202"
SERIES = ("#030303", "#040404", "#050505")
_COLOURS = {
    INK: "currentColor",
    PAPER: "var(--paper)",
    LINE: "var(--line)",
    **{placeholder: f"var(--series-{i})" for i, placeholder in enumerate(SERIES, 1)},
}
_STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": LINE,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 9,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "seqloom",
    "text.color": INK,
    "text.parse_math": False,  # labels may contain "$"
    "xtick.color": INK,
    "xtick.major.size": 0,
    "ytick.color": INK,
    "ytick.major.size": 0,
}


def has_matplotlib() -> bool:
    """Return whether plots can be drawn."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return False
    return True


@contextmanager
def style() -> Iterator[None]:
    """Draw in the page's style within the block, regardless of the user's matplotlib settings."""
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        # The browser has the fonts that matplotlib lacks, which only measures with its own.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def figure(height: float = 3.0, width: float = 5.0) -> tuple[Figure, Any]:
    """Return a figure of a size in inches, and its axes."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height), layout="constrained")
    return made, made.add_subplot()


def short(labels: Sequence[str], most: int = 24) -> list[str]:
    """Return labels shortened to fit on an axis, and valid in XML.

    >>> short(["PlayMusic", "a very long name indeed"], most=10)
    ['PlayMusic', 'a very lo…']
    """
    printable = ["".join(c if c.isprintable() else "�" for c in label) for label in labels]
    return [text if len(text) <= most else f"{text[: most - 1]}…" for text in printable]


def to_svg(drawn: Figure, name: str, title: str) -> str:
    """Return the figure as an SVG element for HTML; the same bytes for the same figure.

    Args:
        drawn: Figure.
        name: Prefix of identifiers inside the SVG, unique in the page.
        title: Label for screen readers.
    """
    file = io.StringIO()
    drawn.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    return embedded(file.getvalue(), name, title)


def embedded(svg: str, name: str, title: str) -> str:
    """Return matplotlib's SVG without header, with unique identifiers and the page's colours."""
    from markupsafe import escape

    box = re.search(r'viewBox="[^"]*"', svg)
    body = svg[svg.index(">", svg.index("<svg")) + 1 :]
    body = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r"<[^<>]*>", lambda tag: _retagged(tag.group(), name), body)
    start = f'<svg role="img" aria-label="{escape(title)}" {box.group() if box else ""}>'
    return f"{start}{body.strip()}"


def _retagged(tag: str, name: str) -> str:
    """Return a tag with unique identifiers and the page's colours; texts are not changed."""
    tag = tag.replace("xlink:href", "href")
    tag = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", tag)
    for placeholder, colour in _COLOURS.items():
        tag = tag.replace(placeholder, colour)
    return tag
