"""Cutting the lines out of a page's image: flattened paper, a straight baseline, one height."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from seqloom_handwriting.images.file import load_gray, scaled_width
from seqloom_handwriting.pages.model import Line, Page, Points, find_image

ASPECT = 0.02  # by how much the image's proportions may differ from those that the XML states
OUTSIDE = 0.01  # of the page's longer side: so far a line may reach beyond the page


class Sheet:
    """A page with its image, which is read when the first line is cut.

    Attributes:
        page: Page as the XML describes it.
    """

    def __init__(self, page: Page) -> None:
        self.page = page

    def cut(self, line: Line, height: int, straighten: bool) -> Gray:
        """Return the image (h, w) of a line of the page; see `cut`.

        Raises:
            ValueError: The line or the page's image cannot be used; the text is a sentence.
        """
        if line.problem:
            raise ValueError(line.problem)
        if isinstance(self._flat, str):
            raise ValueError(self._flat)
        line = line.scaled(*self._scale(self._flat))
        _check_inside(line, self._flat)
        return cut(self._flat, line, height, straighten)

    @cached_property
    def _flat(self) -> Gray | str:
        """The flattened page, or why it cannot be used: the same for all of its lines."""
        try:
            return flatten(load_gray(find_image(self.page)))
        except ValueError as error:
            return str(error)

    def _scale(self, flat: Gray) -> tuple[float, float]:
        """Return by what coordinates are multiplied to be pixels of the image."""
        height, width = flat.shape
        page = self.page
        if not page.width:
            if page.unit != "pixel":
                raise ValueError(
                    f"the coordinates are in {page.unit}, and the XML does not have the WIDTH and "
                    "HEIGHT of its Page to find the pixels by; export it in pixels"
                )
            return 1.0, 1.0
        x, y = width / page.width, height / page.height
        if abs(x / y - 1) > ASPECT:
            raise ValueError(
                f"the page is {page.width:g} x {page.height:g} in the XML, but its image has "
                f"{width} x {height} pixels, other proportions; is it another page's, or turned?"
            )
        return x, y


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


WHITE = 255
PAPER = 246  # what is as bright on a flattened page is paper
DARKEST = 0.5  # percentile of an image that becomes black
PALEST = 200  # what is brighter never does: an empty line must not become all specks
FILTER = Image.Resampling.BILINEAR
WINDING = 4  # times a polygon's width and height is longer than any baseline in it
PIECE = 32  # pixels of the line that are straightened as one quadrilateral
Box = tuple[int, int, int, int]


def cut(page: Gray, line: Line, height: int, straighten: bool = True) -> Gray:
    """Return a line (h, w) of a page (H, W) that was flattened: dark ink on white.

    Straightened along its baseline if it has one; white outside its polygon; ``height`` pixels
    high with its proportions kept (0: the page's scale); its contrast stretched.

    Raises:
        ValueError: Nothing of the polygon is on the page, the baseline winds without end, or the
            line is too wide for its height.
    """
    box = _box(line, page.shape[1], page.shape[0])
    piece = _masked(page, line, box)
    if straighten and line.baseline:
        origin = np.asarray(box[:2])
        found = band(Curve.along(line.baseline), line.polygon)
        piece = _straightened(piece, found, origin)
    return _stretched(np.asarray(_scaled(piece, height)))


def _box(line: Line, width: int, height: int) -> Box:
    corners = np.asarray(line.polygon)
    left, top = np.maximum(np.floor(corners.min(axis=0)), 0).astype(int)
    right, bottom = np.minimum(np.ceil(corners.max(axis=0)), (width, height)).astype(int)
    if left >= right or top >= bottom:
        raise ValueError("its polygon lies outside the page")
    return int(left), int(top), int(right), int(bottom)


def _masked(page: Gray, line: Line, box: Box) -> Image.Image:
    """Return what the box holds of the page, white outside the line's polygon."""
    left, top, right, bottom = box
    inside = Image.new("1", (right - left, bottom - top))
    corners = [(x - left, y - top) for x, y in line.polygon]
    ImageDraw.Draw(inside).polygon(corners, fill=1)
    result = Image.new("L", inside.size, WHITE)
    result.paste(Image.fromarray(page[top:bottom, left:right]), mask=inside)
    return result


def _straightened(piece: Image.Image, found: Band, origin: Array) -> Image.Image:
    """Return the band as a rectangle; ``origin`` is where on the page the piece begins."""
    width = max(1, round(found.end - found.start))
    height = max(1, round(found.above + found.below))
    if width > WINDING * sum(piece.size):
        raise ValueError(
            f"its baseline runs to and fro, {width} pixels within a polygon of {piece.width} x "
            f"{piece.height}; draw it from the line's start to its end"
        )
    edges = np.append(np.arange(0, width, PIECE), width)
    along = found.start + edges * (found.end - found.start) / width
    base = found.curve.at(along) - origin
    up = found.curve.upwards(along, reach=height)
    tops, bottoms = base + found.above * up, base - found.below * up
    mesh = [
        ((int(a), 0, int(b), height), (*tops[i], *bottoms[i], *bottoms[i + 1], *tops[i + 1]))
        for i, (a, b) in enumerate(pairwise(edges))
    ]
    return piece.transform(
        (width, height),
        Image.Transform.MESH,
        mesh,
        Image.Resampling.BILINEAR,
        fillcolor=WHITE,
    )


def _scaled(piece: Image.Image, height: int) -> Image.Image:
    if not height or piece.height == height:
        return piece
    return piece.resize((scaled_width(*piece.size, height), height), FILTER)


def _stretched(image: Gray) -> Gray:
    """Return the image with its darkest ink black and its paper white."""
    black = min(float(np.percentile(image, DARKEST)), PALEST)
    levels = (image.astype(np.float32) - black) * (255 / (PAPER - black))
    result: Gray = np.clip(levels + 0.5, 0, 255).astype(np.uint8)
    return result


Array = NDArray[np.float64]

MANY = 50  # vertices of a polygon from which on its spikes are left out
SPIKES = 2  # per cent of the vertices that count as such, on either side
PAIRS = 1 << 16  # of a point and a step of the curve that are measured at a time: a few megabytes


@dataclass(frozen=True)
class Curve:
    """A piecewise-linear baseline, continued straight beyond both of its ends.

    Attributes:
        points: (K, 2), x and y in pixels, no two in succession equal, the first left of the last.
    """

    points: Array

    @classmethod
    def along(cls, baseline: Points) -> Curve:
        """Return the curve of a baseline with at least two different points.

        A baseline that runs to the left is reversed: it was drawn from its end. Writing that is
        upside down is much rarer.
        """
        points = np.asarray(baseline, np.float64)
        moved = np.any(np.diff(points, axis=0) != 0, axis=1)
        points = points[np.concatenate(([True], moved))]
        across, down = points[-1] - points[0]
        return cls(points[::-1] if across < -abs(down) else points)

    @cached_property
    def _steps(self) -> Array:
        return np.asarray(np.diff(self.points, axis=0))  # (K-1, 2)

    @cached_property
    def _lengths(self) -> Array:
        return np.asarray(np.hypot(*self._steps.T))

    @cached_property
    def _starts(self) -> Array:
        return np.concatenate(([0.0], np.cumsum(self._lengths)))  # (K,)

    def at(self, along: Array) -> Array:
        """Return the points (N, 2) at these distances from the start, along the curve."""
        inside = np.searchsorted(self._starts[1:-1], along, side="right")
        beyond = (along - self._starts[inside]) / self._lengths[inside]
        return np.asarray(self.points[inside] + beyond[:, None] * self._steps[inside])

    def upwards(self, along: Array, reach: float) -> Array:
        """Return unit vectors (N, 2) across the curve, towards the tops of the letters.

        The direction is taken over ``reach`` pixels to either side: at the bends of a drawn
        baseline it turns slowly, so that no letter is torn.
        """
        chord = self.at(along + reach) - self.at(along - reach)
        chord /= np.maximum(np.hypot(*chord.T), 1e-9)[:, None]
        return np.stack([chord[:, 1], -chord[:, 0]], axis=1)

    def measure(self, points: Array) -> tuple[Array, Array]:
        """Return, of each point (N, 2), its distance along the curve and its height above it."""
        size = max(1, PAIRS // len(self._steps))
        parts = [self._measure(points[i : i + size]) for i in range(0, len(points), size)]
        along, above = map(np.concatenate, zip(*parts, strict=True))
        return along, above

    def _measure(self, points: Array) -> tuple[Array, Array]:
        offset = points[:, None] - self.points[None, :-1]  # (N, K-1, 2)
        share = (offset * self._steps).sum(-1) / self._lengths**2
        low = np.r_[-np.inf, np.zeros(len(self._steps) - 1)]
        high = np.r_[np.ones(len(self._steps) - 1), np.inf]
        share = np.clip(share, low, high)
        away = np.hypot(*np.moveaxis(offset - share[..., None] * self._steps, -1, 0))
        nearest = np.argmin(away, axis=1)
        rows = np.arange(len(points))
        x, y = offset[rows, nearest].T
        dx, dy = self._steps[nearest].T
        above = np.copysign(away[rows, nearest], dy * x - dx * y)
        return self._starts[nearest] + share[rows, nearest] * self._lengths[nearest], above


@dataclass(frozen=True, slots=True)
class Band:
    """What of the page a line takes: from ``start`` to ``end`` along its curve, in pixels.

    Attributes:
        curve: The baseline.
        start: Where it begins; may be negative.
        end: Where it ends.
        above: How far it reaches from the baseline towards the tops of the letters.
        below: How far it reaches the other way; ``above + below`` is positive.
    """

    curve: Curve
    start: float
    end: float
    above: float
    below: float


def band(curve: Curve, polygon: Points) -> Band:
    """Return the band that holds a polygon.

    A polygon of many vertices was traced by a program, round every speck: its outermost vertices
    on either side are left out, since one spike would make the whole line small.
    """
    along, above = curve.measure(np.asarray(polygon, np.float64))
    trim = SPIKES if len(above) >= MANY else 0
    bottom, top = np.percentile(above, [trim, 100 - trim])
    return Band(curve, along.min(), along.max(), float(top), -float(bottom))


Gray = NDArray[np.uint8]

REDUCE = 4  # the page is looked at in squares of so many pixels
TILE = 16  # of such squares; the paper's brightness is taken in tiles of 64 × 64 pixels
CELL = REDUCE * TILE
PAPER_PERCENTILE = (
    80  # percentile of a tile's squares that is paper: less than a fifth of it is bare
)
STRIP = 256  # rows that are divided at a time, to keep the memory small


def flatten(page: Gray) -> Gray:
    """Return the page (H, W) with its paper white and its ink as dark, relative to the paper.

    The paper's brightness is a high percentile in tiles, their median with their neighbours, and
    smooth between them; each pixel is divided by it.
    """
    height, width = page.shape
    paper = Image.fromarray(_paper(page))
    result = np.empty_like(page)
    for top in range(0, height, STRIP):
        rows = page[top : top + STRIP]
        box = (0, top / CELL, width / CELL, (top + len(rows)) / CELL)
        bright = np.asarray(paper.resize((width, len(rows)), Image.Resampling.BILINEAR, box))
        level = rows.astype(np.float32) * (255 / np.maximum(bright, 1))
        result[top : top + STRIP] = np.minimum(level + 0.5, 255)
    return result


def _paper(page: Gray) -> NDArray[np.float32]:
    """Return the paper's brightness on a coarse grid, one value a tile."""
    small = np.asarray(Image.fromarray(page).reduce(REDUCE))
    rows, columns = (-(-size // TILE) for size in small.shape)
    padding = [(0, rows * TILE - small.shape[0]), (0, columns * TILE - small.shape[1])]
    tiles = np.pad(small, padding, mode="edge").reshape(rows, TILE, columns, TILE)
    level = np.percentile(
        tiles.swapaxes(1, 2).reshape(rows, columns, -1), PAPER_PERCENTILE, axis=-1
    )
    smooth = Image.fromarray(level.astype(np.uint8)).filter(ImageFilter.MedianFilter(3))
    return np.asarray(smooth, np.float32)
