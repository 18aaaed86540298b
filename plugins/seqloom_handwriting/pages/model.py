"""A page and its lines, the same for ALTO and PAGE XML."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any

from seqloom_handwriting.pages.markup import Document, Node
from seqloom_handwriting.schemas.data import IMAGES

Point = tuple[float, float]
Points = tuple[Point, ...]


class Form(StrEnum):
    """The forms of page XML."""

    alto = "alto"
    page = "page"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text on a page; coordinates in the page's unit, y grows downwards.

    Attributes:
        id: Unique on its page.
        region: The id of the block or region that it is in.
        kind: The region's type, such as ``MainZone`` or ``paragraph``; may be empty.
        polygon: Points around the line; empty if unknown, or if it cannot be parsed.
        baseline: Points from the line's start to its end; empty if unknown.
        text: Text of the line, if known; runs of white space are one space.
        number: The line of the XML file where it starts.
        problem: Why the line cannot be used, as a sentence; or None.
    """

    id: str
    region: str
    kind: str
    polygon: Points
    baseline: Points
    text: str | None
    number: int
    problem: str | None = None

    def scaled(self, x: float, y: float) -> Line:
        """Return the line with its coordinates multiplied by ``x`` and ``y``."""
        return replace(
            self,
            polygon=tuple((a * x, b * y) for a, b in self.polygon),
            baseline=tuple((a * x, b * y) for a, b in self.baseline),
        )


@dataclass(frozen=True, slots=True)
class Page:
    """A page as its XML describes it.

    Attributes:
        xml: The file.
        form: Form of the XML.
        image: File name of the image as the XML has it; may be empty.
        width: Width of the page in its unit; 0 if unknown.
        height: Height of the page in its unit; 0 if unknown.
        unit: ``pixel``, or another unit of ALTO.
        lines: Lines in reading order.
    """

    xml: Path
    form: Form
    image: str
    width: float
    height: float
    unit: str = "pixel"
    lines: tuple[Line, ...] = field(default=())


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


def find_image(page: Page) -> Path:
    """Return the image of a page: named as the XML says, or like the XML; beside it or one up.

    Raises:
        ValueError: The image does not exist; the text is a sentence.
    """
    named = PurePosixPath(page.image.replace("\\", "/")).name
    names = [named] if named else []
    names += [page.xml.stem + suffix for suffix in IMAGES]
    folders = (page.xml.parent, page.xml.absolute().parent.parent)
    for folder in folders:
        for name in names:
            if (folder / name).is_file():
                return folder / name
    raise ValueError(
        f"the page's image {named or names[0]} is not beside the XML in {folders[0]}, nor in the "
        "folder above; put it there"
    )


ABOVE, BELOW = 1 / 45, 1 / 90
"""How far a line is assumed to reach from a baseline without a polygon, as shares of the page's
height: what the writing of an ordinary notebook page needs."""


@dataclass(slots=True)
class Outline:
    """A polygon and a baseline on their way to a line; the first problem is kept."""

    polygon: Points = ()
    baseline: Points = ()
    problem: str | None = None

    def read_polygon(self, text: str) -> None:
        """Parse a polygon; fewer than three points are a problem."""
        self.polygon = self._points("polygon", text, 3)

    def read_baseline(self, text: str) -> None:
        """Parse a baseline; fewer than two points are a problem."""
        self.baseline = self._points("baseline", text, 2)

    def finished(self, page_height: float) -> dict[str, Any]:
        """Return what a `Line` takes of this; the polygon is guessed from the baseline."""
        if not self.polygon and not self.problem:
            if not self.baseline or not page_height:
                self.problem = "the line has no polygon and no box to cut it out by"
            else:
                self.polygon = _around(self.baseline, page_height)
        return {"polygon": self.polygon, "baseline": self.baseline, "problem": self.problem}

    def _points(self, name: str, text: str, least: int) -> Points:
        try:
            points = parse_points(text)
        except ValueError as error:
            self.problem = self.problem or f"the {name} cannot be read: {error}"
            return ()
        if len(set(points)) < least:
            self.problem = self.problem or (
                f"the {name} has {len(set(points))} different points; expected at least {least}"
            )
        return points


def _around(baseline: Points, page_height: float) -> Points:
    above = [(x, y - ABOVE * page_height) for x, y in baseline]
    below = [(x, y + BELOW * page_height) for x, y in reversed(baseline)]
    return (*above, *below)


_SEPARATOR = re.compile(r"[\s,]+")


def parse_points(text: str) -> Points:
    """Return the points of ``x,y x,y``, ``x y x y`` or ``x,y,x,y``.

    >>> parse_points("1,2 3,4.5"), parse_points("1 2 3 4")
    (((1.0, 2.0), (3.0, 4.5)), ((1.0, 2.0), (3.0, 4.0)))

    Raises:
        ValueError: These are not pairs of numbers; the text is a sentence.
    """
    numbers = [_number(word) for word in _SEPARATOR.split(text.strip()) if word]
    if len(numbers) % 2:
        raise ValueError(f"{len(numbers)} coordinates in {_short(text)}; expected pairs of x and y")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _number(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{_short(word)} is not a coordinate; expected a number") from None
    return value


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")


def size_of(
    document: Document, page: Node, width: str, height: str, required: bool
) -> tuple[float, float]:
    """Return the page's width and height from its attributes of these names; 0, 0 if absent.

    Raises:
        DataError: The values are not numbers above 0, or are required and absent.
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
