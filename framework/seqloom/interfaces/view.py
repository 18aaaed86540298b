"""The view of an example's input, under which a head renders its prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class View:
    """Markup of an input, and the position of each step in it.

    Attributes:
        html: Markup with all text escaped.
        width: Width in pixels.
        places: Left and right edge of each step, in pixels from the left edge of the markup; empty
            if steps do not have positions in it.
        steps: Text of each step, see `FrontendCodec.steps`; empty if steps are not texts.
    """

    html: str
    width: int = 900
    places: Sequence[tuple[float, float]] = ()
    steps: Sequence[str] = ()
