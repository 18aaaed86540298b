"""A page and its lines, the same for ALTO and PAGE XML."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

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
        id: unique on its page.
        region: the id of the block or region that it is in.
        kind: the region's type, such as ``MainZone`` or ``paragraph``; may be empty.
        polygon: around the line; empty if there is none, or none that can be read.
        baseline: from the line's start to its end; empty if there is none.
        text: what is written there, if that is known; runs of white space are one space.
        number: the line of the XML file where it starts.
        fault: what is wrong with it, as a sentence; or None.
    """

    id: str
    region: str
    kind: str
    polygon: Points
    baseline: Points
    text: str | None
    number: int
    fault: str | None = None

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
        xml: the file.
        form: of the XML.
        image: the name of the image's file, as it stands in the XML; may be empty.
        width: of the page in its unit; 0 if it is not said.
        height: the same.
        unit: ``pixel``, or what ALTO says instead.
        lines: in reading order.
    """

    xml: Path
    form: Form
    image: str
    width: float
    height: float
    unit: str = "pixel"
    lines: tuple[Line, ...] = field(default=())
