"""What is common to writing both forms: the regions of a page, and boxes around lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby

from seqloom_handwriting.pages.files import find_image
from seqloom_handwriting.pages.model import Line, Page, Points

Reading = tuple[str, float | None]
"""A line's text, and how sure it is from 0 to 1, if that is known."""

Readings = Mapping[str, Reading]
"""By the lines' ids."""

Box = tuple[float, float, float, float]
"""Left, top, right and bottom."""


def confidence(value: float) -> str:
    """Return a confidence as both forms write it.

    >>> confidence(0.25), confidence(1.0000001)
    ('0.2500', '1.0000')
    """
    return f"{min(max(value, 0.0), 1.0):.4f}"


def regions(page: Page) -> Iterator[tuple[str, str, list[Line]]]:
    """Yield id, type and lines of each region, in reading order."""
    taken = {line.id for line in page.lines} | {line.region for line in page.lines}
    runs = groupby(page.lines, key=lambda line: (line.region, line.kind))
    seen = set[str]()
    for number, ((region, kind), lines) in enumerate(runs, 1):
        ident = region if region and region not in seen else f"region_{number}"
        while ident in seen or (ident != region and ident in taken):
            ident += "_"
        seen.add(ident)
        yield ident, kind, list(lines)


def box_of(points: Points) -> Box:
    """Return the box that holds the points."""
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def box_around(lines: list[Line]) -> Box:
    """Return the box that holds all of the lines."""
    return box_of(tuple(point for line in lines for point in line.polygon))


def text_and_confidence(line: Line, readings: Readings) -> tuple[str | None, float | None]:
    """Return what was read, or else the text that the line has; None if it has none."""
    return readings.get(line.id, (line.text, None))


def image_name(page: Page) -> str:
    """Return the name of the page's image: where it lies, or else where it should."""
    try:
        return find_image(page).name
    except ValueError:
        return page.image or page.xml.stem
