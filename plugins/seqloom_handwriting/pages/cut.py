"""Cutting a line out of its page."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

from seqloom_handwriting.images.size import scaled_width
from seqloom_handwriting.pages.band import Array, Band, Curve, band
from seqloom_handwriting.pages.flatten import Gray
from seqloom_handwriting.pages.model import Line

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
        ValueError: nothing of the polygon is on the page, the baseline winds without end, or the
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
