"""A page with its image: in the frame of its XML, read when the first line is cut."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from seqloom.errors import plural
from seqloom_handwriting.images.file import as_stored, load_upright
from seqloom_handwriting.pages.cut import (
    Curve,
    Gray,
    band,
    cut,
    flatten,
    is_upside_down,
    may_be_upside_down,
)
from seqloom_handwriting.pages.likeness import PageLook
from seqloom_handwriting.pages.model import SHOWN, Line, Page, find_image

ASPECT = 0.02  # by how much the image's proportions may differ from those that the XML states
OUTSIDE = 0.01  # of the page's longer side: so far a line may reach beyond the page
BLANK = 0.0005  # share of a line's pixels that are dark where there is some writing
SEVERAL = 3  # lines of a page: fewer do not tell how it stands
DARK = 128  # gray level of a cut line below which a pixel is dark


class Sheet:
    """A page with its image, which is read when the first line is cut.

    Attributes:
        page: Page as the XML describes it.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self._lines = 0
        self._blank: list[str] = []
        self._guessed: list[str] = []
        self._upside_down: list[str] = []
        self._hanging: list[str] = []
        self._notes: list[str] = []

    def cut(self, line: Line, height: int, straighten: bool) -> Gray:
        """Return the image (h, w) of a line of the page; see `seqloom_handwriting.pages.cut.cut`.

        Raises:
            ValueError: The line or the page's image cannot be used; the text is a sentence.
        """
        if line.problem:
            raise ValueError(line.problem)
        if isinstance(self._flat, str):
            raise ValueError(self._flat)
        line = line.scaled(*_scale(self.page, self._flat))
        _check_inside(line, self._flat)
        image = cut(self._flat, line, height, straighten)
        self._lines += 1
        if np.count_nonzero(image < DARK) < BLANK * image.size:
            self._blank.append(line.id)
        if line.guessed:
            self._guessed.append(line.id)
        if is_upside_down(line):
            self._upside_down.append(line.id)
        elif may_be_upside_down(line):
            self._hanging.append(line.id)
        return image

    def look(self) -> PageLook | None:
        """Return what is compared with other pages; None if no line was cut, or only few."""
        if not self._lines or isinstance(self._flat, str):
            return None
        scale = _scale(self.page, self._flat)
        lines = [line.scaled(*scale) for line in self.page.lines if not line.problem]
        return PageLook.of(self._flat, lines)

    def notes(self) -> Iterator[str]:
        """Yield what the user should know of the lines that were cut, without a full stop."""
        yield from self._notes
        if self._blank:
            yield (
                f"{len(self._blank)} of {self._lines} {plural(self._lines, 'line')} "
                f"{plural(len(self._blank), 'is', 'are')} blank ({_named(self._blank)}); "
                "is it the image of this page, and are the lines where the writing is"
            )
        if count := len(self._upside_down):
            yield (
                f"{count} of {self._lines} {plural(self._lines, 'line')} "
                f"{plural(count, 'is', 'are')} taken for upside down, since the baseline runs to "
                f"the left and the writing hangs below it; {plural(count, 'it was', 'they were')} "
                f"turned ({_named(self._upside_down)})"
            )

        if (count := len(self._hanging)) >= SEVERAL and 2 * count > self._lines:
            yield (
                f"{count} of {self._lines} lines hang below their baselines, which run to the "
                f"right ({_named(self._hanging)}). If the page is upside down, say so in the XML, "
                'with orientation="180" in PAGE or ROTATION="180" in ALTO, or turn image and XML'
            )

    def guess(self) -> str:
        """Return which lines that were cut were guessed from baselines; empty if none was."""
        if not self._guessed:
            return ""
        return (
            f"{len(self._guessed)} of {self._lines} {plural(self._lines, 'line')} "
            f"{plural(len(self._guessed), 'has', 'have')} a baseline and no polygon "
            f"({_named(self._guessed)}); how far they reach above it is guessed from the height of "
            "the page, so look at some of the images"
        )

    def content(self, line: Line) -> str:
        """Return a digest of what a line is cut from: the bytes of the page's image, and where."""
        where = (self.page.width, self.page.height, line.polygon, line.baseline, line.turn)
        return hashlib.blake2b(self._image + repr(where).encode(), digest_size=16).hexdigest()

    @cached_property
    def _image(self) -> bytes:
        return hashlib.blake2b(find_image(self.page).read_bytes()).digest()

    @cached_property
    def _flat(self) -> Gray | str:
        """The flattened page, or why it cannot be used: the same for all of its lines."""
        try:
            image, orientation = load_upright(find_image(self.page))
            if orientation != 1:
                image = self._in_frame(image, orientation)
            return flatten(image)
        except ValueError as error:
            return str(error)

    def _in_frame(self, upright: Gray, orientation: int) -> Gray:
        """Return an image turned by its EXIF note, or as it is stored: what the XML is drawn on.

        Programs differ. The size that the XML states decides; if it fits both, so do the lines:
        there is ink in them, and more of it above their baselines than below.

        Raises:
            ValueError: The XML states another size.
        """
        stored = as_stored(upright, orientation)
        frames = [frame for frame in (upright, stored) if _fits(self.page, frame)]
        exact = [frame for frame in frames if _size(frame) == (self.page.width, self.page.height)]
        if len(exact) == 1 or len(frames) == 1:
            return (exact or frames)[0]
        if not frames:
            raise ValueError(
                f"{_mismatch(self.page, upright)} (its EXIF note of orientation {orientation} was "
                f"followed; without it, it has {stored.shape[1]} x {stored.shape[0]})"
            )
        better = _with_ink(self.page, upright, stored, orientation)
        if better is None:
            self._notes.append(
                f"the image has an EXIF note of orientation {orientation}, and whether the XML was "
                "drawn on the turned image or on the pixels as stored cannot be seen; it was "
                "turned. If the lines are wrong, remove the note from the image"
            )
        return upright if better is None else better


def _named(idents: list[str]) -> str:
    return ", ".join(idents[:SHOWN]) + (", …" if len(idents) > SHOWN else "")


Pixels = NDArray[np.uint8] | NDArray[np.bool_]


def _size(image: Pixels) -> tuple[int, int]:
    return image.shape[1], image.shape[0]


def _fits(page: Page, image: Pixels) -> bool:
    if not page.width:
        return True
    x, y = image.shape[1] / page.width, image.shape[0] / page.height
    return bool(abs(x / y - 1) <= ASPECT)


def _mismatch(page: Page, image: Pixels) -> str:
    return (
        f"the page is {page.width:g} x {page.height:g} in the XML, but its image has "
        f"{image.shape[1]} x {image.shape[0]} pixels, other proportions; is it another page's, or "
        "turned?"
    )


def _scale(page: Page, image: Pixels) -> tuple[float, float]:
    """Return by what coordinates are multiplied to be pixels of the image."""
    if not page.width:
        if page.unit != "pixel":
            raise ValueError(
                f"the coordinates are in {page.unit}, and the XML does not have the WIDTH and "
                "HEIGHT of its Page to find the pixels by; export it in pixels"
            )
        return 1.0, 1.0
    if not _fits(page, image):
        raise ValueError(_mismatch(page, image))
    return image.shape[1] / page.width, image.shape[0] / page.height


def _check_inside(line: Line, flat: Gray) -> None:
    height, width = flat.shape
    slack = OUTSIDE * max(height, width)
    for name, points in (("polygon", line.polygon), ("baseline", line.baseline)):
        for x, y in points:
            if not (-slack <= x <= width + slack and -slack <= y <= height + slack):
                raise ValueError(
                    f"its {name} reaches to ({x:g}, {y:g}), outside the page of {width} x {height} "
                    "pixels; fix the line in the program that drew it"
                )


INK = 180  # gray level of a flattened page below which a pixel is ink
MORE = 1.2  # so many times the ink that the lines hold in the other frame decides
LEAN = 0.15  # and so does so much more of it above the baselines, as a share


def _with_ink(page: Page, upright: Gray, stored: Gray, orientation: int) -> Gray | None:
    """Return the one of two frames in which the lines hold the writing; None if neither does."""
    flat = flatten(upright) < INK
    here, lean_here = _ink(page, flat)
    there, lean_there = _ink(page, as_stored(flat, orientation))
    more = math.log((here + 1) / (there + 1)) / math.log(MORE) + (lean_here - lean_there) / LEAN
    if abs(more) < 1:
        return None
    return upright if more > 0 else stored


def _ink(page: Page, ink: NDArray[np.bool_]) -> tuple[int, float]:
    """Return how much ink is in the lines, and how much more above the baselines than below."""
    lines = [line.scaled(*_scale(page, ink)) for line in page.lines if not line.problem]
    area = Image.new("1", _size(ink))
    for line in lines:
        ImageDraw.Draw(area).polygon(list(line.polygon), fill=1)
    inside = ink & np.asarray(area)
    above = below = 0
    for line in lines:
        if line.baseline:
            high, low = _across(inside, line)
            above, below = above + high, below + low
    return int(np.count_nonzero(inside)), (above - below) / max(above + below, 1)


def _across(ink: NDArray[np.bool_], line: Line) -> tuple[int, int]:
    """Return how much ink lies above a baseline, and below it, at most as far away on either side.

    The distance is the smaller one of those by which the polygon reaches above and below.
    """
    curve = Curve.along(line.baseline, line.turn)
    found = band(curve, line.polygon)
    reach = min(found.above, found.below)
    along = np.arange(max(found.start, 0), found.end)
    if reach < 1 or not len(along):
        return 0, 0
    base, up = curve.at(along), curve.upwards(along, reach)
    counts = []
    for side in (1, -1):
        steps = side * np.arange(0.5, reach)
        x, y = np.moveaxis(base[:, None] + steps[:, None] * up[:, None], -1, 0).astype(int)
        fits = (x >= 0) & (y >= 0) & (x < ink.shape[1]) & (y < ink.shape[0])
        counts.append(int(np.count_nonzero(ink[y[fits], x[fits]])))
    return counts[0], counts[1]
