"""What both forms of XML share in making a line out of raw coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from seqloom_handwriting.pages.model import Points
from seqloom_handwriting.pages.points import parse_points

ABOVE, BELOW = 1 / 45, 1 / 90
"""How far a line is taken to reach from a baseline without a polygon, as shares of the page's
height: what the writing of an ordinary notebook page needs."""


@dataclass(slots=True)
class Outline:
    """A polygon and a baseline on their way to a line; the first fault found is kept."""

    polygon: Points = ()
    baseline: Points = ()
    fault: str | None = None

    def read_polygon(self, text: str) -> None:
        """Take up a polygon; fewer than three points are a fault."""
        self.polygon = self._points("polygon", text, 3)

    def read_baseline(self, text: str) -> None:
        """Take up a baseline; fewer than two points are a fault."""
        self.baseline = self._points("baseline", text, 2)

    def finished(self, page_height: float) -> dict[str, Any]:
        """Return what a `Line` takes of this; the polygon is guessed from the baseline."""
        if not self.polygon and not self.fault:
            if not self.baseline or not page_height:
                self.fault = "the line has no polygon and no box to cut it out by"
            else:
                self.polygon = _around(self.baseline, page_height)
        return {"polygon": self.polygon, "baseline": self.baseline, "fault": self.fault}

    def _points(self, name: str, text: str, least: int) -> Points:
        try:
            points = parse_points(text)
        except ValueError as problem:
            self.fault = self.fault or f"the {name} cannot be read: {problem}"
            return ()
        if len(set(points)) < least:
            self.fault = self.fault or (
                f"the {name} has {len(set(points))} different points; expected at least {least}"
            )
        return points


def _around(baseline: Points, page_height: float) -> Points:
    above = [(x, y - ABOVE * page_height) for x, y in baseline]
    below = [(x, y + BELOW * page_height) for x, y in reversed(baseline)]
    return (*above, *below)
