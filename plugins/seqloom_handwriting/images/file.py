"""Images in files and in memory, as gray levels."""

from __future__ import annotations

import functools
import hashlib
import io
import logging
import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from seqloom.errors import DataError
from seqloom.files import expanded, refuse_large
from seqloom_handwriting.readers.files import LARGEST_IMAGE, read_file
from seqloom_handwriting.schemas.data import FORMATS

log = logging.getLogger("seqloom")

WHITE, BLACK = 255, 0


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

    def load(self, paper: int = WHITE) -> np.ndarray:
        """Return the gray levels, (H, W) uint8, 255 white; what is transparent shows ``paper``.

        Raises:
            ValueError: The file is missing, too large, or cannot be decoded.
        """
        if self.member is None:
            return decode(Path(self._expanded), self.path, paper)
        data = read_file(self.path, self.member, LARGEST_IMAGE)
        return decode(io.BytesIO(data), str(self), paper)

    @property
    def _expanded(self) -> str:
        return str(expanded(self.path))

    def digest(self) -> str:
        """Return a digest of the file's bytes, which no version of a decoder changes.

        Raises:
            ValueError: The file is missing or too large.
        """
        data = read_file(self._expanded, self.member, LARGEST_IMAGE)
        return hashlib.blake2b(data, digest_size=16).hexdigest()

    def __str__(self) -> str:
        return self.path if self.member is None else f"{self.path}/{self.member}"


def load_gray(value: Any, paper: int = WHITE) -> np.ndarray:
    """Return the gray levels of an image, (H, W) uint8, 255 white.

    Colours are weighted as in ITU-R 601-2; what is transparent shows the paper, and ink of the
    paper's colour, which could not be seen on it, is inverted; a rotation that the file records
    (EXIF) is applied, unless it makes a line stand on its end. Of several pages, the first is used.

    Args:
        value: An `ImageFile`, a path, a PIL image, or a uint8 array (H, W), (H, W, 3), (H, W, 4).
        paper: Gray level of the paper, `WHITE` or `BLACK`.

    Raises:
        ValueError: The value is none of these, is empty, or cannot be decoded.
    """
    if isinstance(value, ImageFile):
        return value.load(paper)
    if isinstance(value, str | Path):
        return ImageFile(str(value)).load(paper)
    if isinstance(value, Image.Image):
        return _lying(*_decoded(value, "the image", paper), "the image")
    if isinstance(value, np.ndarray):
        return _from_array(value, paper)
    raise ValueError(
        f"a value of type {type(value).__name__} is not an image; expected a path, an ImageFile, a "
        "PIL image or a uint8 array."
    )


def _from_array(array: np.ndarray, paper: int) -> np.ndarray:
    plain = array.ndim == 2
    if array.dtype != np.uint8 or not (plain or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise ValueError(
            f"an array of {array.dtype} with shape {array.shape} is not an image; expected uint8 "
            "with shape (H, W), (H, W, 3) or (H, W, 4)."
        )
    if not array.size:
        raise ValueError(f"an image of shape {array.shape} has no pixels.")
    return array if plain else _decoded(Image.fromarray(array), "the image", paper)[0]


def load_upright(path: Path) -> tuple[np.ndarray, int]:
    """Return the gray levels of an image file turned as its EXIF note says, and what that says.

    Returns:
        (H, W) uint8, 255 white; and the orientation, 1 to 8, 1 without a note.

    Raises:
        ValueError: The file is missing, too large or too narrow for a page, or cannot be decoded.
    """
    with _opened(path, str(path)) as image:
        width, height = image.size
        if max(width, height) > NARROWEST * min(width, height):
            raise ValueError(f"{path} is refused: {width}x{height} pixels cannot be a page.")
        return _decoded(image, str(path), WHITE, None)


MOST_PIXELS = 50_000_000
"""Maximum number of pixels of a line's image: ten times what the longest lines have.

That of a page's image is PIL's, 89 million.
"""

WIDEST = 200
"""How many times as wide as high a line may be: some five times what the longest lines are."""

NARROWEST = 100  # how many times as high as wide a page may be, or as wide as high

ORIENTATION = 0x0112  # the tag of EXIF and of TIFF


def _orientation(image: Image.Image) -> int:
    tags = getattr(image, "tag_v2", None)  # PIL turns a TIFF when it is decoded
    found = (image.getexif() if tags is None else tags).get(ORIENTATION, 1)
    return found if found in range(1, 9) else 1


def as_stored(upright: np.ndarray, orientation: int) -> np.ndarray:
    """Return an image (H, W) before it was turned by an EXIF orientation.

    >>> as_stored(np.array([[1, 2, 3]]), 6).tolist()
    [[3], [2], [1]]
    """
    turned = {
        2: np.fliplr(upright),
        3: np.rot90(upright, 2),
        4: np.flipud(upright),
        5: upright.T,
        6: np.rot90(upright),
        7: np.rot90(upright, 2).T,
        8: np.rot90(upright, -1),
    }
    return np.ascontiguousarray(turned.get(orientation, upright))


def decode(source: Path | io.BytesIO, name: str, paper: int = WHITE) -> np.ndarray:
    """Return the gray levels of an image file, (H, W) uint8, 255 white.

    Args:
        source: File, or its content.
        name: Name of the file in messages.
        paper: What is seen where it is transparent; see `load_gray`.

    Raises:
        ValueError: The file is missing, not of one of `FORMATS`, has more than `MOST_PIXELS`, or
            cannot be decoded.
    """
    with _opened(source, name) as image:
        if image.height > WIDEST * image.width:  # each row costs memory too
            raise ValueError(
                f"{name} is refused: the image is {image.height} pixels high and only "
                f"{image.width} wide; expected one line of writing."
            )
        return _lying(*_decoded(image, name, paper), name)


UPENDED = 2  # times as high as wide: no line


def _lying(gray: np.ndarray, orientation: int, name: str) -> np.ndarray:
    """Return a line's image, as it is stored if the EXIF note makes it stand on its end.

    Programs that cut lines out of photographs copy the note, even if they have turned the pixels.
    """
    height, width = gray.shape
    if orientation == 1:
        return gray
    stands = orientation >= 5 and height >= UPENDED * width
    _tell_of_note(str(Path(name).parent), stands)
    return as_stored(gray, orientation) if stands else gray


@functools.lru_cache(maxsize=64)
def _tell_of_note(folder: str, ignored: bool) -> None:
    """Warn once for each folder."""
    what = (
        "Turning would stand the lines on end, so the notes are ignored."
        if ignored
        else "The images are turned; if lines are now the wrong way up, remove the notes."
    )
    log.warning("%s: images have EXIF notes on their orientation. %s", folder, what)


@contextmanager
def _opened(source: Path | io.BytesIO, name: str) -> Iterator[Image.Image]:
    """Open an image file.

    PIL is given an open file, not its path: by a path it maps a plain TIFF into memory, which
    garbles one whose note turns it by a quarter (Pillow 13).
    """
    with ExitStack() as stack:
        try:
            if isinstance(source, Path):
                refuse_large(source, LARGEST_IMAGE)
            file = stack.enter_context(source.open("rb")) if isinstance(source, Path) else source
            image = stack.enter_context(Image.open(file, formats=FORMATS))
        except FileNotFoundError:
            raise ValueError(f"{name}: no such file.") from None
        except DataError as error:  # of its size
            raise ValueError(f"{name} cannot be read: {error}") from None
        except UnidentifiedImageError:
            known = ", ".join(FORMATS)
            raise ValueError(
                f"{name} is not an image of a known format, or is damaged; expected one of {known}."
            ) from None
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise ValueError(f"{name} is refused: {error}") from None
        except Exception as error:  # damaged headers raise errors of every kind
            raise ValueError(f"{name} cannot be read: {error}.") from None
        yield image


def _decoded(
    image: Image.Image, name: str, paper: int, most: int | None = MOST_PIXELS
) -> tuple[np.ndarray, int]:
    """Return the upright gray levels of an image, and the orientation that its note states.

    Args:
        image: Image, of which nothing but the header needs to be decoded yet.
        name: Name of the image in messages.
        paper: What is seen where it is transparent; see `load_gray`.
        most: Maximum number of pixels; None: that of PIL alone.
    """
    limit = min((one for one in (most, Image.MAX_IMAGE_PIXELS) if one), default=math.inf)
    for width, height in (image.size, _tile(image)):
        if width * height > limit:
            raise ValueError(
                f"{name} is refused: {width}x{height} pixels are more than the limit of {limit}; "
                "make the image smaller."
            )
        if not width * height:
            raise ValueError(f"{name} has no pixels: {width}x{height}.")
    try:
        # A decoded or turned image does not have these any more.
        deep, negative, orientation = _has_16_bits(image), _is_negative(image), _orientation(image)
        upright = image if orientation == 1 else ImageOps.exif_transpose(image)
        return _gray(upright, deep, negative, paper), orientation
    except Exception as error:  # and so do damaged pixels
        raise ValueError(f"{name} cannot be decoded: {error}.") from None


def _gray(image: Image.Image, deep: bool, negative: bool, paper: int) -> np.ndarray:
    if image.mode == "I" or image.mode.startswith("I;16"):
        gray = _of_16_bits(np.asarray(image))
        return 255 - gray if negative else gray
    if image.mode == "F":
        raise ValueError("images of floating-point numbers are not supported")
    gray = _on_paper(image, paper) if image.has_transparency_data else np.array(image.convert("L"))
    if deep and gray.max() <= LEAST_OF_16_BITS:
        raise ValueError(
            "its colours have 16 bits each, but values of fewer bits; save it with 8 bits a colour"
        )
    return gray


FAINT = 32
"""Difference of gray levels below which ink is not seen on its paper."""


def _on_paper(image: Image.Image, paper: int) -> np.ndarray:
    """Return the gray levels of an image on paper; see `load_gray`.

    White ink on transparent paper is in images that were drawn for a dark page.
    """
    gray = _laid_on(image, paper)
    faint = _contrast(gray, paper)
    if faint >= FAINT:
        return gray
    other = _laid_on(image, WHITE - paper)
    transparent = abs(float(gray.mean()) - float(other.mean())) / WHITE
    # Less than half transparent, it is a blank piece of paper without background.
    ink = transparent > 0.5 and _contrast(other, WHITE - paper) >= max(FAINT, 2 * faint)
    return WHITE - other if ink else gray


def _contrast(gray: np.ndarray, paper: int) -> int:
    return max(int(gray.max()) - paper, paper - int(gray.min()))


def _laid_on(image: Image.Image, paper: int) -> np.ndarray:
    """Return the gray levels of an image on paper of one."""
    gray = np.empty((image.height, image.width), np.uint8)
    for top, bottom in _bands(*gray.shape):
        band = image.crop((0, top, image.width, bottom)).convert("RGBA")
        sheet = Image.new("RGBA", band.size, (paper, paper, paper))
        gray[top:bottom] = np.asarray(Image.alpha_composite(sheet, band).convert("L"))
    return gray


def _bands(height: int, width: int) -> Iterator[tuple[int, int]]:
    """Yield the rows from which and up to which to compute at a time, to keep the memory small."""
    rows = max(1, 2**20 // width)
    return ((top, min(top + rows, height)) for top in range(0, height, rows))


TILE = (322, 323)  # the tags of TIFF for the width and height of a tile, which is decoded whole


def _tile(image: Image.Image) -> tuple[int, int]:
    """Return the size of a TIFF's tiles; of other images, their own."""
    tags = getattr(image, "tag_v2", {})
    width, height = (tags.get(tag, size) for tag, size in zip(TILE, image.size, strict=True))
    return (width, height) if isinstance(width, int) and isinstance(height, int) else image.size


LEAST_OF_16_BITS = 0x3FFF >> 8
"""Of colours of 16 bits, the upper 8 are read: up to this they hold numbers of 14 bits or fewer."""


def _has_16_bits(image: Image.Image) -> bool:
    """Return whether colours are stored with 16 bits each, of which PIL only keeps the upper 8."""
    tiles = getattr(image, "tile", None) or ()
    return any("16" in str(tile[3]) for tile in tiles)


PHOTOMETRIC = 262  # the tag of TIFF; 0: white is zero


def _is_negative(image: Image.Image) -> bool:
    """Return whether 0 is white in a TIFF; PIL inverts these, but not those of 16 bits."""
    tags = getattr(image, "tag_v2", {})
    return bool(tags.get(PHOTOMETRIC) == 0)


DEPTHS = (8, 10, 12, 14, 16)
"""Numbers of bits that scanners and cameras give; files have room for 8 or 16."""


def _of_16_bits(levels: np.ndarray) -> np.ndarray:
    """Return gray levels of 8 bits for numbers of up to 16.

    Scanners and cameras put 10, 12 or 14 bits into files of 16, and few files say so. The
    brightest number tells: nothing on paper is all darker than a quarter of white.
    """
    if levels.min() < 0 or levels.max() > 0xFFFF:
        raise ValueError(f"gray levels from {levels.min()} to {levels.max()} exceed 16 bits")
    brightest = int(levels.max())
    white = next(2**bits - 1 for bits in DEPTHS if brightest < 2**bits)
    scaled = np.empty(levels.shape, np.uint8)
    for top, bottom in _bands(*levels.shape):
        scaled[top:bottom] = (levels[top:bottom].astype(np.uint32) * 255 + white // 2) // white
    return scaled


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
