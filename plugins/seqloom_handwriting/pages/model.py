"""A page and its lines, the same for ALTO and PAGE XML."""

from __future__ import annotations

import itertools
import math
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any

from seqloom.errors import plural
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
        turn: By how many degrees the XML says that the writing has to be turned clockwise to stand
            upright: 0, where nothing is said too, 90, 180 or -90.
        guessed: Whether the polygon was guessed from the baseline and the height of the page.
    """

    id: str
    region: str
    kind: str
    polygon: Points
    baseline: Points
    text: str | None
    number: int
    problem: str | None = None
    turn: int = 0
    guessed: bool = False

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
        notes: What its reader should tell the user, as sentences without a full stop.
    """

    xml: Path
    form: Form
    image: str
    width: float
    height: float
    unit: str = "pixel"
    lines: tuple[Line, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())


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


def unique_ids(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Return an id for each pair of a region's and a line's id.

    It is the line's own unless several lines have it: then the region's goes before it, and where
    that is not enough, a number after it.

    >>> unique_ids([("r1", "a"), ("r2", "a"), ("r2", "a"), ("r2", "b")])
    ['r1.a', 'r2.a', 'r2.a.2', 'b']
    """
    counts = Counter(line for _, line in pairs)
    taken = {line for line, count in counts.items() if count == 1}
    found = []
    for region, line in pairs:
        if counts[line] == 1:
            found.append(line)
            continue
        start = f"{region}.{line}" if region else line
        numbered = (f"{start}.{number}" for number in itertools.count(2))
        found.append(next(one for one in itertools.chain((start,), numbered) if one not in taken))
        taken.add(found[-1])
    return found


def shared_ids(idents: Sequence[str]) -> str:
    """Return a sentence on the ids that several lines have; nothing if there are none."""
    shared = [ident for ident, count in Counter(filter(None, idents)).items() if count > 1]
    if not shared:
        return ""
    return (
        f"several lines have the same id ({', '.join(shared[:SHOWN])}"
        f"{', …' if len(shared) > SHOWN else ''}); the region's id is put before it"
    )


SHOWN = 5  # so many names are listed in a message


def angle(text: str) -> float:
    """Return an angle in degrees; 0 for what is not a number."""
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) else 0.0


def quarter(degrees: float) -> int:
    """Return the nearest quarter turn: 0, 90, 180 or -90.

    >>> [quarter(degrees) for degrees in (3.5, -88, 181, 270)]
    [0, -90, 180, -90]
    """
    turned = round(degrees / 90) % 4
    return -90 if turned == 3 else 90 * turned


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
    """Return the image of a page, named as the XML says or like the XML.

    It lies where the XML says, seen from the XML or from the folder above; beside the XML; in the
    folder above; or in a folder of images in one of the two.

    Raises:
        ValueError: The image does not exist, or is in several folders; the text is a sentence.
    """
    stated = PurePosixPath(page.image.replace("\\", "/"))
    names = [stated.name] if stated.name else []
    names += [page.xml.stem + suffix for suffix in (*IMAGES, *map(str.upper, IMAGES))]
    here = page.xml.absolute().parent
    places = [here / stated, here.parent / stated] if _leads_inside(stated) else []
    places += [folder / name for folder in (here, here.parent) for name in names]
    for place in places:
        if place.is_file():
            return place
    folders = _image_folders(here)
    for name in names:
        found = [folder / name for folder in folders if (folder / name).is_file()]
        if len(found) > 1:
            where = " and ".join(str(one.parent) for one in found)
            raise ValueError(
                f"the page's image {name} is in {where}; put the right one beside the XML"
            )
        if found:
            return found[0]
    raise ValueError(
        f"the page's image {names[0]} is not beside the XML in {page.xml.parent}, nor in the "
        "folder above; put it there"
    )


XML_FOLDERS = ("page", "alto", "xml", "pagexml", "page_xml", "altoxml", "alto_xml")
"""Folders that are named after the XML in them: the images may be in any folder beside them."""

IMAGE_FOLDERS = ("image", "images", "img", "imgs", "scans", "jpg", "jpeg", "png", "tif", "tiff")
"""Folders that are named after the images in them."""


def _leads_inside(path: PurePosixPath) -> bool:
    return len(path.parts) > 1 and not path.is_absolute() and ".." not in path.parts


def _image_folders(here: Path) -> list[Path]:
    beside = _folders(here.parent)
    if here.name.lower() not in XML_FOLDERS:
        beside = [one for one in beside if one.name.lower() in IMAGE_FOLDERS]
    return [*(one for one in _folders(here) if one.name.lower() in IMAGE_FOLDERS), *beside]


def _folders(place: Path) -> list[Path]:
    try:
        with os.scandir(place) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.is_dir())
    except OSError:  # a folder above that must not be listed
        return []


ABOVE, BELOW = 1 / 45, 1 / 90
"""How far a line is assumed to reach from a baseline without a polygon, as shares of the page's
height: what the writing of an ordinary notebook page needs."""


@dataclass(slots=True)
class Outline:
    """A polygon and a baseline on their way to a line; the first problem is kept."""

    polygon: Points = ()
    baseline: Points = ()
    problem: str | None = None
    turn: int = 0

    def read_polygon(self, text: str) -> None:
        """Parse a polygon; fewer than three points are a problem."""
        self.polygon = self._points("polygon", text, 3)

    def read_baseline(self, text: str) -> None:
        """Parse a baseline; fewer than two points are a problem."""
        self.baseline = self._points("baseline", text, 2)

    def finished(self, page_height: float) -> dict[str, Any]:
        """Return what a `Line` takes of this; the polygon is guessed from the baseline."""
        guessed = not self.polygon and not self.problem
        if guessed:
            if not self.baseline or not page_height:
                self.problem = "the line has no polygon and no box to cut it out by"
            else:
                self.polygon = _around(self.baseline, page_height, self.turn)
        return {
            "polygon": self.polygon,
            "baseline": self.baseline,
            "problem": self.problem,
            "turn": self.turn,
            "guessed": guessed,
        }

    def _points(self, name: str, text: str, least: int) -> Points:
        try:
            points = parse_points(text)
        except ValueError as error:
            self.problem = self.problem or f"the {name} cannot be read: {error}"
            return ()
        if (found := len(set(points))) < least:
            self.problem = self.problem or (
                f"the {name} has {found} different {plural(found, 'point')}; expected at least "
                f"{least}"
            )
        return points


def _around(baseline: Points, page_height: float, turn: int) -> Points:
    across, down = UPWARDS[turn]
    high, low = ABOVE * page_height, BELOW * page_height
    above = [(x + across * high, y + down * high) for x, y in baseline]
    below = [(x - across * low, y - down * low) for x, y in reversed(baseline)]
    return (*above, *below)


UPWARDS = {0: (0, -1), 90: (-1, 0), 180: (0, 1), -90: (1, 0)}
"""Where on the page the tops of the letters point, by the turn of the writing."""


MOST_POINTS = 5000
"""Maximum number of points of a polygon or baseline; programs trace lines with some hundreds."""

FARTHEST = 10_000_000
"""Largest coordinate, in any unit."""

_SEPARATOR = re.compile(r"[\s,]+")


def parse_points(text: str) -> Points:
    """Return the points of ``x,y x,y``, ``x y x y`` or ``x,y,x,y``.

    >>> parse_points("1,2 3,4.5"), parse_points("1 2 3 4")
    (((1.0, 2.0), (3.0, 4.5)), ((1.0, 2.0), (3.0, 4.0)))

    Raises:
        ValueError: These are not pairs of numbers; the text is a sentence.
    """
    numbers = [_number(word) for word in _SEPARATOR.split(text.strip()) if word]
    if len(numbers) > 2 * MOST_POINTS:
        raise ValueError(f"{len(numbers) // 2} points; expected at most {MOST_POINTS}")
    if len(numbers) % 2:
        raise ValueError(f"{len(numbers)} coordinates in {_short(text)}; expected pairs of x and y")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _number(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not abs(value) <= FARTHEST:
        raise ValueError(
            f"{_short(word)} is not a coordinate; expected a number up to {FARTHEST}"
        ) from None
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
