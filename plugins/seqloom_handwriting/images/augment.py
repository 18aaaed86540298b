"""Line images changed at random: one warp of the geometry, then strokes and grays."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from seqloom_handwriting.schemas.frontends import ImageAugmentation


def augment_line(
    image: np.ndarray, options: ImageAugmentation, rng: np.random.Generator, least: int
) -> np.ndarray:
    """Return a changed copy of a line.

    Args:
        image: (W, H) uint8, 0 is paper.
        options: How much may change.
        rng: Decides everything.
        least: The least width of the result.
    """
    warped = _moved(image, options, rng, least)
    if rng.random() < options.morphology:
        warped = _thicken(warped, np.maximum if rng.random() < 0.5 else np.minimum)
    return _gamma(warped, math.exp(rng.uniform(-options.gamma, options.gamma)))


def _moved(
    image: np.ndarray, options: ImageAugmentation, rng: np.random.Generator, least: int
) -> np.ndarray:
    """Stretch, scale, slant and bend in one interpolation.

    The result is as much wider as its slanted ends need.
    """
    W, H = image.shape
    stretch = math.exp(rng.uniform(-options.stretch, options.stretch))
    scale = math.exp(rng.uniform(-options.scale, options.scale))
    slant = rng.uniform(-options.slant, options.slant)
    overhang = abs(slant) * H / 2
    width = max(least, round((W + 2 * overhang) * stretch))
    along, across = nodes(width), nodes(H)
    x = along[:, None] / stretch - overhang + slant * (across - H / 2)
    y = np.broadcast_to((across - H / 2) / scale + H / 2, x.shape)
    bend = rng.normal(0.0, options.elastic, (2, *x.shape)) if options.elastic else (0.0, 0.0)
    return warp(image, along, across, x + bend[0], y + bend[1])


def _thicken(image: np.ndarray, pick: np.ufunc) -> np.ndarray:
    """Dilate (``np.maximum``) or erode (``np.minimum``) the ink by 2×2 pixels."""
    result = image.copy()
    result[1:] = pick(image[1:], image[:-1])
    across = result.copy()
    across[:, 1:] = pick(result[:, 1:], result[:, :-1])
    return across


def _gamma(image: np.ndarray, exponent: float) -> np.ndarray:
    """Raise the gray levels, as shares of 255, to a power."""
    table = np.rint(255.0 * (np.arange(256) / 255.0) ** exponent).astype(np.uint8)
    grays: np.ndarray = table[image]
    return grays


_CELL = 24
"""Pixels between the nodes of a mesh: about a letter, so letters bend but do not tear."""


def nodes(size: int) -> np.ndarray:
    """Return places from 0 to size, about ``_CELL`` apart, at whole pixels."""
    cells = max(1, round(size / _CELL))
    return np.arange(cells + 1) * size // cells


def warp(
    image: np.ndarray, along: np.ndarray, across: np.ndarray, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """Return an image whose node at along[i], across[j] shows the source's x[i, j], y[i, j].

    Pillow sees the array (W, H) as a picture H wide and W high: the axes are swapped for it.
    """
    size = (int(across[-1]), int(along[-1]))
    source = np.stack([y, x], axis=2)
    # Of each cell: its corners in the source, from the first one along Pillow's height and back.
    corners = np.concatenate(
        [source[:-1, :-1], source[1:, :-1], source[1:, 1:], source[:-1, 1:]], axis=2
    ).tolist()
    rows, columns = along.tolist(), across.tolist()
    mesh = [
        ((columns[j], rows[i], columns[j + 1], rows[i + 1]), corners[i][j])
        for i in range(len(rows) - 1)
        for j in range(len(columns) - 1)
    ]
    picture = Image.fromarray(image)
    return np.asarray(
        picture.transform(size, Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)
    )
