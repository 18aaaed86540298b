"""What a frontend shows of an example, for a head to show its prediction under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class View:
    """Markup of what was read, and where each of its steps lies in it.

    Attributes:
        html: The markup, every text in it escaped.
        width: Its width in pixels.
        places: One entry for each step: its left and right edge in pixels from the markup's left
            edge. Empty if steps do not have places in the markup.
    """

    html: str
    width: int = 900
    places: Sequence[tuple[float, float]] = ()
