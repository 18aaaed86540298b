"""The size of a page, as attributes."""

from __future__ import annotations

from seqloom_handwriting.pages.markup import Document, Node
from seqloom_handwriting.pages.points import parse_points


def size_of(
    document: Document, page: Node, width: str, height: str, required: bool
) -> tuple[float, float]:
    """Return the page's width and height from its attributes of these names; 0, 0 if absent.

    Raises:
        DataError: they are no numbers above 0, or absent though required.
    """
    found = page.get(width), page.get(height)
    if not required and not all(found):
        return 0.0, 0.0
    try:
        ((x, y),) = parse_points(" ".join(found))
    except ValueError:
        x = y = 0.0
    if x <= 0 or y <= 0:
        raise document.error(
            page.line,
            f"the page has {width}={found[0]!r} and {height}={found[1]!r}; expected two numbers "
            "above 0.",
        )
    return x, y
