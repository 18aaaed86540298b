"""What the page sends: strokes as JSON, or an image."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np

from seqloom.errors import DataError
from seqloom_handwriting.images.file import decode

MOST_BYTES = 16 * 1024 * 1024
MOST_POINTS = 20_000


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
        DataError: it cannot be decoded.
    """
    try:
        return decode(io.BytesIO(body), "What was sent")
    except ValueError as fault:
        raise DataError(str(fault)) from fault
