"""Images that are too large are refused before they are decoded; large ones are read in bands."""

import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seqloom_handwriting.images.file import ImageFile, load_gray, load_upright


def bomb(width: int, height: int) -> bytes:
    """Return a PNG that states its size, but has no pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", b""), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    ("width", "height", "problem"),
    [
        (10_000, 10_000, "is refused|cannot be read"),  # here PIL warns
        (50_000, 50_000, "is refused: Image size"),
        (7_100, 7_100, "is refused: 7100x7100 pixels are more than the limit of 50000000; make"),
        (1, 40_000_000, "is refused: the image is 40000000 pixels high and only 1 wide"),
        (7_000, 7_000, "cannot be decoded"),
    ],
)
def test_large_images_are_refused_before_they_are_decoded(
    tmp_path: Path, width: int, height: int, problem: str
) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(bomb(width, height))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(path, "bomb.png")
    for value in (path, ImageFile(str(tmp_path / "a.zip"), "bomb.png")):
        with pytest.raises(ValueError, match=rf"bomb\.png {problem}"):
            load_gray(value)


def test_an_image_of_a_page_may_be_larger_but_not_narrow(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    for size, problem in [((7_100, 7_100), "cannot be decoded"), ((1, 101), "cannot be a page")]:
        path.write_bytes(bomb(*size))
        with pytest.raises(ValueError, match=problem):
            load_upright(path)


def test_a_huge_tile_of_a_small_image_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    side = 1 << 16
    tags = {256: 4, 257: 3, 258: 8, 259: 8, 262: 1, 277: 1, 322: side, 323: side, 324: 8, 325: 9}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4))
    with pytest.raises(ValueError, match=r"is refused: 65536x65536 pixels are more than the limit"):
        load_gray(path)


@pytest.mark.parametrize("mode", ["LA", "RGBA", "I;16"])
def test_images_are_converted_in_bands_as_if_at_once(
    monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    levels = np.random.default_rng(0).integers(0, 256, (30, 20, len(mode)), np.uint8)
    image = Image.fromarray(levels[..., 0].astype(np.uint16) * 257 if mode[0] == "I" else levels)
    whole = load_gray(image)
    bands = [(0, 11), (11, 22), (22, 30)]
    monkeypatch.setattr("seqloom_handwriting.images.file._bands", lambda *_: iter(bands))
    np.testing.assert_array_equal(load_gray(image), whole)


def test_large_images_in_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 11)
    with pytest.raises(ValueError, match="refused: 4x3 pixels are more than the limit of 11; make"):
        load_gray(Image.new("L", (4, 3)))
