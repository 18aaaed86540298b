"""White paper: a page's background taken away."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Gray = NDArray[np.uint8]

REDUCE = 4  # the page is looked at in squares of so many pixels
TILE = 16  # of such squares; the paper's brightness is taken in tiles of 64 × 64 pixels
CELL = REDUCE * TILE
PAPER = 80  # percentile of a tile's squares that is paper: less than a fifth of it is bare
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
    level = np.percentile(tiles.swapaxes(1, 2).reshape(rows, columns, -1), PAPER, axis=-1)
    smooth = Image.fromarray(level.astype(np.uint8)).filter(ImageFilter.MedianFilter(3))
    return np.asarray(smooth, np.float32)
