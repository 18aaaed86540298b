"""Line images as arrays of one height."""

from __future__ import annotations

import base64
import io
import itertools
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from seqloom.errors import ExampleError
from seqloom.interfaces import Arrays, Example, FrontendCodec, View
from seqloom_handwriting.fields import HEIGHT, WIDTH, not_shown, require_field
from seqloom_handwriting.images.augment import augment_line
from seqloom_handwriting.images.file import BLACK, WHITE, ImageFile, load_gray, scaled_width
from seqloom_handwriting.schemas.frontends import Ink, LineImage, Pooling

log = logging.getLogger("seqloom")

PAPER, INK = 0.25, 0.995  # shares of the pixels, from the lightest
MOSTLY_INK = 170  # mean level of an image with more ink than any writing has
MIDDLE = 128  # level between black and white
LEAST_CONTRAST = 32  # gray levels between paper and ink; less is noise


class LineImageCodec(FrontendCodec):
    """Encodes a line's image as ``image`` (W, H) uint8: axis 0 is the width, 0 paper, 255 ink.

    Nothing is fitted. Images stay files until they are encoded.
    """

    def __init__(self, **params: Any) -> None:
        self.params = LineImage(**params)
        self.pooling = Pooling.parse(self.params.pooling)
        self._look = PageLike()
        self._tell_of_ink = True

    def fields(self, value: Any) -> dict[str, Any] | None:
        """Return the fields of a bare image: an array, a PIL image or the path of a file."""
        readable = isinstance(value, np.ndarray | Image.Image | ImageFile | str | Path)
        return {self.params.field: value} if readable else None

    def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Return the empty state; no image is opened."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore the empty state."""

    def encode(self, example: Example) -> Arrays:
        """Return ``image`` (W, H) uint8, scaled to the height, with paper at both ends.

        Raises:
            ExampleError: The image is missing, cannot be decoded, or is too narrow or too wide.
        """
        gray = self._load(example)
        width = self._scaled_width(example, gray)
        inked = _inked(gray, self.params.ink)
        if self.params.contrast:
            inked = stretched(inked)
        if self._tell_of_ink and inked.mean() > MOSTLY_INK and _is_negative(gray, self.params.ink):
            self._warn_of_ink(example)
        scaled = _scaled(inked, width, self.params.height)
        image = np.pad(scaled.T, ((self.params.margin, self.params.margin), (0, 0)))
        if len(image) < self.pooling.width:
            raise ExampleError(
                example,
                f"the image is {gray.shape[1]} pixels wide and {gray.shape[0]} high, which becomes "
                f"{len(image)} wide after scaling to a height of {self.params.height} and adding "
                f"margins; the convolutions need {self.pooling.width}. Leave it out, or raise "
                "frontend.margin.",
            )
        return {"image": np.ascontiguousarray(image)}

    def augment(self, arrays: Arrays, rng: np.random.Generator) -> Arrays:
        """Return the arrays with the image warped, and its strokes and grays changed.

        The width changes too, and with it the number of frames, but never below one.
        """
        image = augment_line(arrays["image"], self.params.augment, rng, self.pooling.width)
        return {**arrays, "image": image}

    def show(self, example: Example) -> View:
        """Return the image as a small PNG, with the columns of each step; else why it is missing.

        Steps at the margins, which the image does not have, lie at its edges.
        """
        try:
            gray = load_gray(example.fields.get(self.params.field))
        except ValueError as error:
            return not_shown(error)
        html, width = _drawn(gray)
        edges = self.frame_edges(*gray.shape) * (width / gray.shape[1])
        return View(html, width, list(itertools.pairwise(edges.tolist())))

    def frame_edges(self, height: int, width: int) -> np.ndarray:
        """Return where the T frames of an image (H, W) lie: (T + 1,), in its own pixels.

        Frame i is between edges i and i + 1; at the margins, which are added, it has no width.
        """
        margin, scale = self.params.margin, self.params.height / height
        scaled = max(1, round(width * scale))
        count = (scaled + 2 * margin) // self.pooling.width
        edges: np.ndarray = (np.arange(count + 1) * self.pooling.width - margin) / scale
        return edges.clip(0, width)

    def cost(self, arrays: Arrays) -> int:
        """Return the width in pixels."""
        return len(arrays["image"])

    def frames(self, arrays: Arrays) -> int:
        """Return the width after pooling."""
        return len(arrays["image"]) // self.pooling.width

    def _load(self, example: Example) -> np.ndarray:
        name = self.params.field
        value = require_field(example, name, "image")
        try:
            return load_gray(value, BLACK if self.params.ink == Ink.light else WHITE)
        except ValueError as error:
            # A file that is an example by itself is named already.
            problem = str(error)
            rest = problem.removeprefix(str(example.origin))
            rest = rest if rest != problem else f" cannot be read: {problem}"
            raise ExampleError(example, f"the image in {name!r}{rest}") from error

    def _warn_of_ink(self, example: Example) -> None:
        """Warn of the first image that would have more ink than paper."""
        self._tell_of_ink = False
        log.warning(
            "%s: with frontend.ink=%s, most of the image is ink; are they inverted, with light "
            "writing on dark paper? Invert such images, or train with frontend.ink=auto. This is "
            "shown once.",
            example.origin or example.id,
            self.params.ink,
        )

    def _scaled_width(self, example: Example, gray: np.ndarray) -> int:
        height, width = gray.shape
        self._look(example, width, height)
        try:
            return scaled_width(width, height, self.params.height)
        except ValueError as error:
            raise ExampleError(example, str(error)) from None


def _inked(gray: np.ndarray, ink: Ink | str) -> np.ndarray:
    """Return the image (H, W) with 0 for paper and 255 for ink."""
    light = _is_light(gray) if ink == Ink.auto else ink == Ink.light
    return gray if light else 255 - gray


def stretched(image: np.ndarray) -> np.ndarray:
    """Return an image (H, W) whose paper is 0 and whose ink is 255; one without ink is unchanged.

    Paper is the level below which the lightest quarter of the pixels lies; only the darkest half
    percent lies above that of ink.
    """
    shares = _histogram(image).cumsum() / image.size
    paper, ink = (int(np.searchsorted(shares, share)) for share in (PAPER, INK))
    if ink - paper < LEAST_CONTRAST:
        return image
    levels = (np.arange(256) - paper) * (255 / (ink - paper))
    table: np.ndarray = levels.clip(0, 255).astype(np.uint8)
    return np.take(table, image)


def _histogram(image: np.ndarray) -> np.ndarray:
    """Return how many pixels have each of 256 levels; np.bincount needs 8 bytes for each."""
    return np.array(Image.fromarray(image).histogram())


def _is_light(gray: np.ndarray) -> bool:
    """Return whether the lighter of two colours covers less.

    It does if the gray levels have a positive skew, a tail towards the light. For an image of two
    levels that is exact, and noise of the paper, which is symmetrical, does not change it.
    """
    counts = _histogram(gray).astype(np.float64)
    levels = np.arange(256)
    mean = counts @ levels / counts.sum()
    return bool(counts @ (levels - mean) ** 3 > 0)


def _is_negative(gray: np.ndarray, ink: Ink | str) -> bool:
    """Return whether paper is in the minority; in a dark photograph of a page there is none."""
    paper = gray.min() < MIDDLE if ink == Ink.light else gray.max() > MIDDLE
    return ink != Ink.auto and bool(paper) and _is_light(gray) != (ink == Ink.light)


def _scaled(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return an image (H, W) scaled to a width and a height.

    Lanczos' filter covers the area of a new pixel; whole factors beyond what it needs are averaged
    away before it, which is quicker.
    """
    if image.shape[0] == height:
        return image
    picture = Image.fromarray(image)
    return np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0))


def _drawn(gray: np.ndarray) -> tuple[str, int]:
    """Return HTML of an image, and its width in pixels."""
    image = Image.fromarray(gray)
    image.thumbnail((2 * WIDTH, HEIGHT))
    stream = io.BytesIO()
    image.quantize(16).save(stream, "PNG", optimize=True)
    data = base64.b64encode(stream.getvalue()).decode()
    width = min(WIDTH, image.width)
    style = f"width:{width}px;max-width:100%;display:block"
    return f'<img src="data:image/png;base64,{data}" alt="the line" style="{style}">', width


TALLEST, WIDEST = 400, 1.5  # a page is over 400 pixels high, and less than 1.5 times as wide


class PageLike:
    """Warns of the first image that has the shape of a page."""

    def __init__(self) -> None:
        self._warned = False

    def __call__(self, example: Example, width: int, height: int) -> None:
        """Look at the size of an image, in pixels."""
        if self._warned or not looks_like_page(width, height):
            return
        self._warned = True
        log.warning(
            "%s: the image is %d pixels wide and %d high, which looks like a page; expected one "
            "line. Lines are cut from pages by their ALTO or PAGE XML (data=pages). This is shown "
            "once.",
            example.origin or example.id,
            width,
            height,
        )


def looks_like_page(width: int, height: int) -> bool:
    """Return whether an image is too tall for a line.

    >>> looks_like_page(2000, 3000), looks_like_page(3000, 200), looks_like_page(300, 300)
    (True, False, False)
    """
    return height > TALLEST and width < WIDEST * height
