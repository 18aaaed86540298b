"""Whether two images show the same writing, however they were photographed."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from seqloom.errors import ExampleError, plural
from seqloom.interfaces import Example
from seqloom_handwriting.images.file import load_gray

log = logging.getLogger("seqloom")

ALIKE = 0.75
"""Correlation of two fingerprints from which on they show the same writing. Pages of one hand
correlate by 0.25 at most, two scans of a page by 0.9; equal lines written twice by 0.7."""

SHOWN = 3  # so many pairs are named


def fingerprint(
    image: NDArray[np.uint8], size: tuple[int, int], box: tuple[float, float, float, float]
) -> NDArray[np.float32]:
    """Return the blurred ink of a part of an image (H, W), flat, with mean 0 and norm 1.

    Args:
        image: Gray levels.
        size: Width and height to which the part is scaled.
        box: Left, top, right and bottom of the part.
    """
    small = Image.fromarray(image).resize(size, Image.Resampling.BOX, box)
    ink = 255 - np.asarray(small.filter(ImageFilter.GaussianBlur(1)), np.float32)
    ink -= ink.mean()
    norm = float(np.linalg.norm(ink))
    return (ink / norm if norm else ink).ravel()


@dataclass(frozen=True, slots=True)
class Pair:
    """Two images of different splits that look the same: the names and splits of both."""

    name: str
    split: str
    other: str
    other_split: str

    def __str__(self) -> str:
        return f"{self.name} ({self.split}) and {self.other} ({self.other_split})"


def warn(kind: str, pairs: list[Pair]) -> None:
    """Warn of pairs of ``pages`` or ``lines``, if there are any."""
    if pairs:
        named = ", ".join(map(str, pairs[:SHOWN])) + (", …" if len(pairs) > SHOWN else "")
        log.warning(
            "%d %s of %s in different splits %s like two images of the same: %s. If they are, "
            "the scores are too good; keep one of each pair, or both in one split.",
            len(pairs),
            plural(len(pairs), "pair"),
            kind,
            plural(len(pairs), "looks", "look"),
            named,
        )


class Likeness(Protocol):
    """Compares the examples of different splits."""

    def place(self, split: str, example: Example) -> None:
        """Take note of an example of a split."""

    def warn(self, split: str) -> None:
        """Warn of examples of a split that look like examples of the splits before it."""


def compared(
    split: str, examples: Iterable[Example | ExampleError], likeness: Likeness
) -> Iterator[Example | ExampleError]:
    """Yield the examples of a split, and warn at its end of those that look like earlier ones."""
    for one in examples:
        if isinstance(one, Example):
            likeness.place(split, one)
        yield one
    likeness.warn(split)


LONG = 8  # characters: shorter texts occur twice by chance, and look alike
LINE = (96, 12)  # size of a line's fingerprint
WIDER = 1.15  # so many times as wide another image of a line may be
MOST = 500  # images that are compared: they have to be decoded once more


class LineLikeness:
    """Compares lines of different splits that have the same text."""

    def __init__(self) -> None:
        self._lines: dict[str, list[tuple[str, Example]]] = defaultdict(list)
        self._new: list[str] = []

    def place(self, split: str, example: Example) -> None:
        """Take note of a line of a split."""
        key = "".join(example.fields.get("text", "").split()).casefold()
        if len(key) >= LONG:
            self._lines[key].append((split, example))
            self._new.append(key)

    def warn(self, split: str) -> None:
        """Warn of lines of a split that look like lines of the splits before it."""
        keys, self._new = dict.fromkeys(self._new), []
        warn("lines", list(islice((p for key in keys for p in self._pairs(key, split)), MOST)))

    def _pairs(self, key: str, split: str) -> Iterator[Pair]:
        lines = self._lines[key]
        here = [one for where, one in lines if where == split]
        there = [(where, one) for where, one in lines if where != split]
        if not here or not there:
            return
        looks = {id(one): look_of_line(one.fields.get("image")) for _, one in lines[:MOST]}
        for one in here:
            for where, other in there:
                first, second = looks.get(id(one)), looks.get(id(other))
                if first is not None and second is not None and alike(first, second):
                    yield Pair(other.id, where, one.id, split)


Look = tuple[float, NDArray[np.float32]]
"""How many times as wide as high an image is, and its fingerprint."""


def look_of_line(value: Any) -> Look | None:
    """Return what is compared of a line's image; None if it cannot be read."""
    try:
        image = load_gray(value)
    except ValueError:
        return None
    height, width = image.shape
    return width / height, fingerprint(image, LINE, (0, 0, width, height))


def alike(one: Look, other: Look) -> bool:
    """Return whether two images show the same writing."""
    wider = max(one[0] / other[0], other[0] / one[0])
    return wider <= WIDER and float(one[1] @ other[1]) >= ALIKE
