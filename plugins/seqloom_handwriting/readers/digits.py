"""The handwritten digits that scikit-learn ships, and how one is drawn larger."""

from __future__ import annotations

import random
from functools import cache

import numpy as np
from PIL import Image

from seqloom.errors import DataError

SHARES = {"train": 0.70, "val": 0.12, "test": 0.18}
Digit = tuple[str, np.ndarray]
"""A digit and its ink, (8, w) float32 from 0 to 1, without empty columns beside it."""


@cache
def digits(split: str) -> list[Digit]:
    """Return the digits of a split; each of the 1797 is in one of them.

    Reader: Alpaydin & Kaynak (1998), Optical Recognition of Handwritten Digits, UCI, the test set.

    Raises:
        DataError: scikit-learn is not installed.
    """
    found = _load()
    order = random.Random(0).sample(range(len(found)), len(found))
    parts, start = {}, 0
    for name, share in SHARES.items():
        end = start + round(share * len(found))
        parts[name] = [found[i] for i in sorted(order[start:end])]
        start = end
    return parts[split]


def _load() -> list[Digit]:
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise DataError(
            "data=digit_lines needs the digits that scikit-learn ships: "
            'pip install "seqloom[handwriting]".'
        ) from None
    data = load_digits()
    inks = (data.images / data.images.max()).astype(np.float32)
    return [
        (str(label), ink[:, np.flatnonzero(ink.any(axis=0)).min() : _end(ink)])
        for label, ink in zip(data.target, inks, strict=True)
    ]


def _end(ink: np.ndarray) -> int:
    return int(np.flatnonzero(ink.any(axis=0)).max()) + 1


def enlarge(ink: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return the ink in another size, (height, width) float32 from 0 to 1, with firm edges."""
    # A frame of paper around it lets strokes that touch the border end smoothly.
    framed = np.pad(ink, 1)
    scale = (height / ink.shape[0], width / ink.shape[1])
    size = (round(framed.shape[1] * scale[1]), round(framed.shape[0] * scale[0]))
    smooth = np.asarray(Image.fromarray(framed).resize(size, Image.Resampling.BICUBIC))
    firm: np.ndarray = np.clip((smooth - 0.45) * 2.5 + 0.5, 0.0, 1.0)
    return firm
