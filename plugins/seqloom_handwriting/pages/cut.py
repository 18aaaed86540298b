"""Cutting a line out of a flattened page: upright, with a straight baseline, of one height."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from seqloom_handwriting.images.file import MOST_PIXELS, scaled_width
from seqloom_handwriting.pages.model import Line, Points
from seqloom_handwriting.readers.line_images import runs_leftwards

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

    Straightened along its baseline if it has one, and otherwise turned by the quarters that its
    XML states; white outside its polygon; ``height`` pixels high with its proportions kept (0: the
    page's scale); its contrast stretched.

    Raises:
        ValueError: Nothing of the polygon is on the page, the baseline winds without end, or the
            line is too wide for its height.
    """
    box = _box(line, page.shape[1], page.shape[0])
    piece = _masked(page, line, box)
    if straighten and line.baseline:
        origin = np.asarray(box[:2])
        found = band(curve_of(line), line.polygon)
        piece = _straightened(piece, found, origin)
    elif turn := line.turn or (180 if is_upside_down(line) else 0):
        piece = piece.transpose(_TURNS[turn])
    return _stretched(np.asarray(_scaled(piece, height)))


_TURNS = {
    90: Image.Transpose.ROTATE_270,  # PIL turns the other way
    180: Image.Transpose.ROTATE_180,
    -90: Image.Transpose.ROTATE_90,
}

HANGING = 2.0
"""So many times as far as above it the polygon of upside-down writing reaches below its baseline,
seen from the top of the page."""
_HANGING = re.compile(r"[\u0900-\u0dff\u0f00-\u0fff]")
"""A letter of the scripts of India and Tibet."""


def curve_of(line: Line) -> Curve:
    """Return the curve of a line's baseline from the start of the writing to its end.

    A baseline that runs to the left was drawn from its end, unless the writing is upside down.
    """
    if is_upside_down(line):
        return Curve.along(line.baseline, 180)
    return Curve.along(line.baseline, line.turn)


def is_upside_down(line: Line) -> bool:
    """Return whether writing is upside down though its XML does not state that it is turned.

    It is if its baseline runs to the left and its polygon hangs below it. The baselines of scripts
    that run from right to left may do so too, drawn along the tops of the letters; they do not
    count.
    """
    if line.turn or not line.baseline or runs_leftwards(line.text or ""):
        return False
    return bool((Curve.along(line.baseline).points[0] != line.baseline[0]).any()) and _hangs(line)


def may_be_upside_down(line: Line) -> bool:
    """Return whether writing hangs below a baseline that runs to the right, for no known reason.

    Programs that find lines draw them so on a page that is upside down: the feet of the letters are
    at their tops. Scripts whose letters hang on a line, such as Devanagari, do not count.
    """
    text = line.text or ""
    if line.turn or line.guessed or not line.baseline or runs_leftwards(text):
        return False
    (x, y), (end, height) = line.baseline[0], line.baseline[-1]
    return end - x > abs(height - y) and not _HANGING.search(text) and _hangs(line)


def _hangs(line: Line) -> bool:
    """Return whether the polygon of a line that is not turned hangs below its baseline."""
    found = band(Curve.along(line.baseline), line.polygon)
    return found.below > HANGING * max(found.above, 0)


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
            f"its baseline runs back and forth, {width} pixels within a polygon of {piece.width} x "
            f"{piece.height}; draw it from the line's start to its end"
        )
    if width * height > MOST_PIXELS:
        raise ValueError(f"straightened along its baseline, it has {width} x {height} pixels")
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
    def along(cls, baseline: Points, turn: int = 0) -> Curve:
        """Return the curve of a baseline with at least two different points.

        A baseline is reversed if it runs against the writing, which runs to the right unless it
        has to be turned to be upright: then it was drawn from its end. End points that lie behind
        the points before them are left out.

        Args:
            baseline: Its points.
            turn: By how many degrees the writing has to be turned clockwise to stand upright.
        """
        points = np.asarray(baseline, np.float64)
        moved = np.any(np.diff(points, axis=0) != 0, axis=1)
        points = points[np.concatenate(([True], moved))]
        points = _without_hooks(_without_hooks(points)[::-1])[::-1]
        ahead, aside = (points[-1] - points[0]) @ _AHEAD[turn]
        return cls(points[::-1] if ahead < -abs(aside) else points)

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


_AHEAD = {
    turn: np.array([[cosine, sine], [-sine, cosine]], np.float64)
    for turn, cosine, sine in ((0, 1, 0), (90, 0, 1), (180, -1, 0), (-90, 0, -1))
}
"""What turns a step on the page into one along the writing and one across it, by the turn."""

HOOK = 0.05  # of the way from end to end: a last step that is shorter may be a slip of the hand
STEEP = 0.5  # cosine of the angle from which on it is one


def _without_hooks(points: Array) -> Array:
    """Return the points (K, 2) without last ones that lie behind, or beside, those before them.

    A curve is continued straight beyond its end. After a last step of a few pixels backwards, that
    is back over the whole line.
    """
    while len(points) > 2:
        chord, step = points[-2] - points[0], points[-1] - points[-2]
        length, way = float(np.hypot(*step)), float(np.hypot(*chord))
        ahead = float(chord @ step)
        short = length < HOOK * way
        if ahead >= (STEEP * length * way if short else 0.0):
            break
        points = points[:-1]
    return points


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
