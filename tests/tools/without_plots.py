"""Leave plots out of runs whose tests do not look at them; drawing takes half of a small run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

VARIABLE = "SEQLOOM_TESTS_WITHOUT_PLOTS"
"""Environment variable with which a test's programs draw no plots either."""


def replace_plots(replace: Callable[[object, str, Any], None] = setattr) -> None:
    """Replace the drawing of plots by an empty SVG element.

    Args:
        replace: Function that replaces an attribute, such as that of ``pytest.MonkeyPatch``.
    """
    from seqloom.train.report import drawing, plots

    def empty(artist: Any, title: str, draw: object, remark: str = "") -> plots.Plot:
        artist.number += 1
        return plots.Plot(title, f"<svg id='plot{artist.number}'></svg>" * artist.available, remark)

    replace(plots._Artist, "__call__", empty)
    replace(drawing, "to_svg", lambda drawn, name, title: f"<svg id='{name}'></svg>")
