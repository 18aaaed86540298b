"""Images in files and in memory, as gray levels."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from seqloom_handwriting.readers.files import read_member
from seqloom_handwriting.schemas.data import FORMATS


@dataclass(frozen=True)
class ImageFile:
    """An image that is decoded when it is needed.

    Attributes:
        path: Path of the image file, or of the zip file that holds it.
        member: Name of the image in the zip file.
    """

    path: str
    member: str | None = None

    def __repr__(self) -> str:
        inside = f", {self.member!r}" if self.member is not None else ""
        return f"ImageFile({self.path!r}{inside})"

    def load(self) -> np.ndarray:
        """Return the gray levels, (H, W) uint8, 255 white.

        Raises:
            ValueError: The file is missing, or cannot be decoded.
        """
        if self.member is not None:
            return decode(io.BytesIO(read_member(self.path, self.member)), str(self))
        return decode(Path(self.path).expanduser(), self.path)

    def __str__(self) -> str:
        return self.path if self.member is None else f"{self.path}/{self.member}"


def load_gray(value: Any) -> np.ndarray:
    """Return the gray levels of an image, (H, W) uint8, 255 white.

    Colours are weighted as in ITU-R 601-2; what is transparent shows white paper; a rotation
    that the file records (EXIF) is applied. Of several pages, the first is used.

    Args:
        value: An `ImageFile`, a path, a PIL image, or a uint8 array (H, W), (H, W, 3), (H, W, 4).

    Raises:
        ValueError: The value is none of these, is empty, or cannot be decoded.
    """
    if isinstance(value, ImageFile):
        return value.load()
    if isinstance(value, str | Path):
        return ImageFile(str(value)).load()
    if isinstance(value, Image.Image):
        return _decoded(value, "the image")
    if isinstance(value, np.ndarray):
        return _from_array(value)
    raise ValueError(
        f"a value of type {type(value).__name__} is not an image; expected a path, an ImageFile, a "
        "PIL image or a uint8 array."
    )


def _from_array(array: np.ndarray) -> np.ndarray:
    plain = array.ndim == 2
    if array.dtype != np.uint8 or not (plain or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise ValueError(
            f"an array of {array.dtype} with shape {array.shape} is not an image; expected uint8 "
            "with shape (H, W), (H, W, 3) or (H, W, 4)."
        )
    if not array.size:
        raise ValueError(f"an image of shape {array.shape} has no pixels.")
    return array if plain else _decoded(Image.fromarray(array), "the image")


def decode(source: Path | io.BytesIO, name: str) -> np.ndarray:
    """Return the gray levels of an image file, (H, W) uint8, 255 white.

    Args:
        source: File, or its content.
        name: Name of the file in messages.

    Raises:
        ValueError: The file is missing, not of one of `FORMATS`, or cannot be decoded.
    """
    with _opened(source, name) as image:
        return _decoded(image, name)


def _opened(source: Path | io.BytesIO, name: str) -> Image.Image:
    try:
        return Image.open(source, formats=FORMATS)
    except FileNotFoundError:
        raise ValueError(f"{name}: no such file.") from None
    except UnidentifiedImageError:
        known = ", ".join(FORMATS)
        raise ValueError(
            f"{name} is not an image of a known format, or is damaged; expected one of {known}."
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(f"{name} is refused: {error}") from None
    except Exception as error:  # damaged headers raise errors of every kind
        raise ValueError(f"{name} cannot be read: {error}.") from None


def _decoded(image: Image.Image, name: str) -> np.ndarray:
    limit = Image.MAX_IMAGE_PIXELS
    width, height = image.size
    if limit is not None and width * height > limit:
        raise ValueError(
            f"{name} is refused: {width}x{height} pixels are more than PIL's limit of {limit}; "
            "make the image smaller."
        )
    if not width * height:
        raise ValueError(f"{name} has no pixels: {width}x{height}.")
    try:
        return _gray(ImageOps.exif_transpose(image))
    except Exception as error:  # and so do damaged pixels
        raise ValueError(f"{name} cannot be decoded: {error}.") from None


def _gray(image: Image.Image) -> np.ndarray:
    if image.mode == "I" or image.mode.startswith("I;16"):
        return _of_16_bits(np.asarray(image))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    if image.mode == "F":
        raise ValueError("images of floating-point numbers are not supported")
    return np.array(image.convert("L"))


def _of_16_bits(levels: np.ndarray) -> np.ndarray:
    if levels.min() < 0 or levels.max() > 0xFFFF:
        raise ValueError(f"gray levels from {levels.min()} to {levels.max()} exceed 16 bits")
    scaled: np.ndarray = ((levels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return scaled


WIDEST = 200
"""How many times as wide as high a line may be: some five times what the longest lines are."""


def scaled_width(width: int, height: int, to: int) -> int:
    """Return the width in pixels of an image that is scaled to the height ``to``.

    >>> scaled_width(300, 50, to=100)
    600

    Raises:
        ValueError: The image is too wide to be a line; scaled up, it could fill the memory.
    """
    if width > WIDEST * height:
        raise ValueError(
            f"the image is {width} pixels wide and only {height} high; expected one line of "
            f"writing, at most {WIDEST} times as wide as high."
        )
    return max(1, round(width * to / height))
