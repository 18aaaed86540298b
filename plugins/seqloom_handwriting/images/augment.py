"""Line images changed at random: one warp of the geometry, then strokes and grays."""

from __future__ import annotations

import math

import numpy as np

from seqloom_handwriting.images.warp import nodes, warp
from seqloom_handwriting.schemas.frontends import ImageAugmentation


def augment_line(
    image: np.ndarray, options: ImageAugmentation, rng: np.random.Generator, least: int
) -> np.ndarray:
    """Return a changed copy of a line.

    Args:
        image: (W, H) uint8, 0 is paper.
        options: how much may change.
        rng: decides everything.
        least: the least width of the result.
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
