"""Lines composed of the handwritten digits that scikit-learn ships: nothing to download."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache

import numpy as np
from PIL import Image

from seqloom.errors import Cause, ConfigError, DataError, did_you_mean
from seqloom.interfaces import SPLITS, Example, Reader
from seqloom.plugins import install_command
from seqloom_handwriting.readers.strings import check_range

LOWEST = 16  # pixels of a line: with fewer, digits cannot be distinguished


class DigitLineReader(Reader):
    """Composes lines of digits; see `DigitLines` for the parameters.

    A line is a function of the seed, the split and its number. Train, val and test use other
    digits each, 70, 12 and 18 % of all.
    """

    def __init__(
        self,
        *,
        train: int = 3000,
        val: int = 300,
        test: int = 500,
        min_length: int = 3,
        max_length: int = 10,
        height: int = 32,
        seed: int = 1,
    ) -> None:
        self._counts = {"train": train, "val": val, "test": test}
        self._lengths = (min_length, max_length)
        self._height = height
        self._seed = seed
        check_range("length", min_length, max_length, least=1)
        if height < LOWEST:
            raise ConfigError(
                f"data.height={height}: expected at least {LOWEST} pixels.", cause=Cause.wrong_value
            )
        for name, count in self._counts.items():
            if count < 0:
                raise ConfigError(
                    f"data.{name}={count}: expected a number of lines, 0 or more.",
                    cause=Cause.wrong_value,
                )

    def examples(self, split: str) -> Iterator[Example]:
        """Yield the lines of a split; see `Reader.examples`.

        Raises:
            ConfigError: The split has another name than these three.
            DataError: Scikit-learn is not installed.
        """
        if split not in SPLITS:
            raise ConfigError(f"No split {split!r}. {did_you_mean(split, SPLITS)}")
        return (self._line(split, number) for number in range(1, self._counts[split] + 1))

    def _line(self, split: str, number: int) -> Example:
        rng = np.random.default_rng([self._seed, SPLITS.index(split), number])
        stock = digits(split)
        low, high = self._lengths
        chosen = [stock[i] for i in rng.integers(len(stock), size=rng.integers(low, high + 1))]
        image = draw_line([ink for _, ink in chosen], self._height, rng)
        text = "".join(label for label, _ in chosen)
        return Example(f"{split}:{number}", {"image": image, "text": text})


def draw_line(inks: list[np.ndarray], height: int, rng: np.random.Generator) -> np.ndarray:
    """Return a line of digits, dark on light paper: (height, W) uint8.

    The hand of a line has its size and width; each digit departs a little from it, and is a
    little above or below the line, apart from the digit before or overlapping it.

    Args:
        inks: Ink of each digit, (8, w) float32 from 0 to 1.
        height: Height of the line in pixels.
        rng: Generator of random numbers.
    """
    size, stretch = rng.uniform(0.6, 0.72) * height, rng.uniform(0.8, 1.05)
    canvas = np.zeros((height, int(len(inks) * 1.5 * height) + height), np.float32)
    place = rng.uniform(0.05, 0.3) * height
    right = 0
    base = height - (height - size) * rng.uniform(0.4, 0.6)
    for ink in inks:
        tall = size * rng.uniform(0.88, 1.12)
        wide = ink.shape[1] * tall / ink.shape[0] * stretch * rng.uniform(0.9, 1.1)
        digit = enlarge(ink, round(tall), round(wide))
        # Of ten rows of the enlarged digit, the first and the last are its frame of paper.
        frame = tall / ink.shape[0]
        bottom = min(height, round(base + rng.uniform(-0.05, 0.05) * height + frame))
        top, left = max(0, bottom - digit.shape[0]), round(place)
        digit = digit[-(bottom - top) :]
        spot = canvas[top:bottom, left : left + digit.shape[1]]
        np.maximum(spot, digit, out=spot)
        right = max(right, left + digit.shape[1])
        place += wide + rng.uniform(-0.05, 0.25) * size
    right += round(rng.uniform(0.05, 0.3) * height)
    return _on_paper(canvas[:, :right], rng)


def _on_paper(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return gray levels for ink from 0 to 1: paper and pen of some shade, and noise."""
    paper, pen = rng.uniform(225, 250), rng.uniform(20, 90)
    levels = paper + (pen - paper) * ink + rng.normal(0, 4, ink.shape)
    gray: np.ndarray = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return gray


SHARES = {"train": 0.70, "val": 0.12, "test": 0.18}
Digit = tuple[str, np.ndarray]
"""A digit and its ink, (8, w) float32 from 0 to 1, without empty columns beside it."""


@cache
def digits(split: str) -> list[Digit]:
    """Return the digits of a split; each of the 1797 is in one of them.

    Reader: Alpaydin & Kaynak (1998), Optical Recognition of Handwritten Digits, UCI, the test set.

    Raises:
        DataError: Scikit-learn is not installed.
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
            f"{install_command('handwriting')}."
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
