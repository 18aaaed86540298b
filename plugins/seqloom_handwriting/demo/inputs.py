"""What the page sends: strokes as JSON, or an image."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from seqloom.errors import DataError
from seqloom_handwriting.images.file import load_gray

MOST_BYTES = 16 * 1024 * 1024
MOST_POINTS = 20_000
MOST_WIDTHS = 200
"""How many times as wide as high a line may be; it is scaled to the height that the model reads."""


class TooLargeError(DataError):
    """What was sent is too much to read."""


def strokes_of(body: bytes) -> list[Any]:
    """Return the strokes in ``{"strokes": [[[x, y], …], …]}``; their points are not checked.

    Raises:
        DataError: it is something else.
        TooLargeError: there are too many points.
    """
    expected = 'Expected JSON: {"strokes": [[[x, y], …], …]}.'
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError) as fault:
        raise DataError(f"What was sent is no JSON. {expected}") from fault
    strokes = sent.get("strokes") if isinstance(sent, dict) else None
    if not isinstance(strokes, list) or not strokes:
        raise DataError(f"What was sent has no strokes. {expected}")
    points = sum(len(stroke) for stroke in strokes if isinstance(stroke, list))
    if points > MOST_POINTS:
        raise TooLargeError(
            f"The writing has {points} points; up to {MOST_POINTS} can be read at a time. Write "
            "less, or send fewer points."
        )
    return strokes


def image_of(body: bytes) -> np.ndarray:
    """Return the gray levels of an image file, (H, W) uint8.

    Raises:
        DataError: it cannot be decoded, or is not the image of a line.
    """
    try:
        with Image.open(io.BytesIO(body)) as image:
            gray = load_gray(image)
    except UnidentifiedImageError as fault:
        raise DataError(
            "What was sent is not an image of a known format; send the bytes of a PNG, JPEG, TIFF, "
            "BMP or WebP file."
        ) from fault
    except Exception as fault:  # damaged files raise errors of every kind
        raise DataError(f"The image cannot be read: {fault}") from fault
    height, width = gray.shape
    if width > MOST_WIDTHS * height:
        raise DataError(
            f"The image is {width} pixels wide and only {height} high; expected one line of "
            f"writing, at most {MOST_WIDTHS} times as wide as high."
        )
    return gray
