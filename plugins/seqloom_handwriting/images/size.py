"""How wide a line becomes when it is scaled to a height, and how wide it may become."""

from __future__ import annotations

WIDEST = 200
"""How many times as wide as high a line may be: some five times what the longest lines are."""


def scaled_width(width: int, height: int, to: int) -> int:
    """Return the width in pixels of an image that is scaled to the height ``to``.

    >>> scaled_width(300, 50, to=100)
    600

    Raises:
        ValueError: the image is too wide to be a line; scaled up, it could fill the memory.
    """
    if width > WIDEST * height:
        raise ValueError(
            f"the image is {width} pixels wide and only {height} high; expected one line of "
            f"writing, at most {WIDEST} times as wide as high."
        )
    return max(1, round(width * to / height))
