"""A word on images that are whole pages, where lines are read."""

from __future__ import annotations

import logging

from seqloom.interfaces import Example

log = logging.getLogger("seqloom")

TALLEST, WIDEST = 400, 1.5  # a page is over 400 pixels high, and less than 1.5 times as wide


class PageLike:
    """Warns of the first image that has the shape of a page."""

    def __init__(self) -> None:
        self._told = False

    def __call__(self, example: Example, width: int, height: int) -> None:
        """Look at the size of an image, in pixels."""
        if self._told or not looks_like_page(width, height):
            return
        self._told = True
        log.warning(
            "%s: the image is %d pixels wide and %d high, which looks like a page; expected one "
            "line. Lines are cut from pages by their ALTO or PAGE XML (data=pages). This is said "
            "once.",
            example.origin or example.id,
            width,
            height,
        )


def looks_like_page(width: int, height: int) -> bool:
    """Return whether an image is too tall for a line.

    >>> looks_like_page(2000, 3000), looks_like_page(3000, 200), looks_like_page(300, 300)
    (True, False, False)
    """
    return height > TALLEST and width < WIDEST * height
