"""Images of every kind as gray levels, against PIL and arithmetic."""

import io
import multiprocessing
import pickle
import struct
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from seqloom_handwriting.images.file import ImageFile, load_gray
from seqloom_handwriting.schemas.data import IMAGES

RAMP = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20


def png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def saved(path: Path, image: Image.Image) -> Path:
    image.save(path)
    return path


def zipped(path: Path, members: dict[str, bytes]) -> str:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return str(path)


@given(pixels=arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=9)))
def test_gray_pixels_come_back_from_everywhere(
    tmp_path_factory: pytest.TempPathFactory, pixels: np.ndarray
) -> None:
    folder = tmp_path_factory.mktemp("gray")
    image = Image.fromarray(pixels)
    path = saved(folder / "a.png", image)
    archive = zipped(folder / "a.zip", {"x/a.png": png(image)})
    for value in (pixels, image, path, str(path), ImageFile(str(path))):
        np.testing.assert_array_equal(load_gray(value), pixels)
    loaded = load_gray(ImageFile(archive, "x/a.png"))
    np.testing.assert_array_equal(loaded, pixels)
    assert loaded.dtype == np.uint8


def test_colours_are_weighted_as_in_itu_r_601() -> None:
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [10, 200, 90]]], np.uint8)
    expected = colours.astype(float) @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(load_gray(colours), expected, atol=0.6)
    palette = Image.fromarray(colours).quantize(4)
    assert palette.mode == "P"
    np.testing.assert_allclose(load_gray(palette), expected, atol=0.6)
    np.testing.assert_allclose(
        load_gray(Image.fromarray(colours).convert("CMYK")), expected, atol=2
    )


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.bmp", "a.pbm"])
def test_one_bit(tmp_path: Path, name: str) -> None:
    bits = np.array([[0, 255, 255], [255, 0, 0]], np.uint8)
    path = saved(tmp_path / name, Image.fromarray(bits).convert("1"))
    np.testing.assert_array_equal(load_gray(path), bits)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.pgm"])
def test_sixteen_bits(tmp_path: Path, name: str) -> None:
    levels = np.array([[0, 257, 128, 129], [0x8000, 65535 - 128, 65535 - 129, 65535]], np.uint16)
    path = saved(tmp_path / name, Image.fromarray(levels))
    assert load_gray(path).tolist() == [[0, 1, 0, 1], [128, 255, 254, 255]]


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
@pytest.mark.parametrize("name", ["a.png", "a.tif", "big-endian.tif"])
def test_fewer_bits_in_sixteen(tmp_path: Path, bits: int, name: str) -> None:
    white = 2**bits - 1
    levels = np.array([[0, white // 2, white]], np.uint16)
    if name == "big-endian.tif":
        path = tmp_path / name
        path.write_bytes(big_endian_tiff(levels))
    else:
        path = saved(tmp_path / name, Image.fromarray(levels))
    assert load_gray(path).tolist() == [[0, 127, 255]]


def big_endian_tiff(levels: np.ndarray) -> bytes:
    """Return a TIFF of 16 bits a pixel in one strip, as a Macintosh writes it."""
    height, width = levels.shape
    pixels = levels.astype(">u2").tobytes()
    tags = {
        256: width,
        257: height,
        258: 16,
        259: 1,
        262: 1,
        273: 8,
        277: 1,
        278: height,
        279: len(pixels),
    }
    entries = b"".join(struct.pack(">HHIHH", tag, 3, 1, n, 0) for tag, n in tags.items())
    head = struct.pack(">2sHI", b"MM", 42, 8 + len(pixels)) + pixels
    return head + struct.pack(">H", len(tags)) + entries + bytes(4)


def test_sixteen_bits_with_white_at_zero(tmp_path: Path) -> None:
    levels = np.array([[0, 65535]], np.uint16)
    Image.fromarray(levels).save(tmp_path / "a.tif", tiffinfo={262: 0})
    assert load_gray(tmp_path / "a.tif").tolist() == [[255, 0]]


@pytest.mark.parametrize(("white", "good"), [(4095, False), (65535, True)])
def test_colours_of_few_bits_in_sixteen_are_refused(tmp_path: Path, white: int, good: bool) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png_of_deep_colours(white))
    if good:
        assert load_gray(path).tolist() == [[0, 255]]
        return
    with pytest.raises(ValueError, match=r"a\.png cannot be decoded: its colours have 16 bits"):
        load_gray(path)


def png_of_deep_colours(white: int) -> bytes:
    """Return a PNG with a black and a white pixel, 16 bits a colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    row = b"\0" + struct.pack(">6H", 0, 0, 0, white, white, white)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(row))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_note_that_upends_a_line_is_ignored(
    tmp_path: Path, orientation: int, caplog: pytest.LogCaptureFixture
) -> None:
    line = np.repeat(np.arange(40, dtype=np.uint8)[None], 10, axis=0)
    exif = Image.Exif()
    exif[0x0112] = orientation
    for name in ("a.png", "b.png"):
        Image.fromarray(line).save(tmp_path / name, exif=exif)
        np.testing.assert_array_equal(load_gray(tmp_path / name), line)
    (message,) = caplog.messages
    assert message.startswith(f"{tmp_path}: images have EXIF notes")
    assert "are ignored" in message


def test_a_note_that_turns_a_line_is_followed_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    line = np.repeat(np.arange(40, dtype=np.uint8)[None], 10, axis=0)
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(line).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(load_gray(tmp_path / "a.png"), line[::-1, ::-1])
    assert "The images are turned" in caplog.text


def test_more_than_sixteen_bits_and_floats_are_refused() -> None:
    with pytest.raises(ValueError, match="gray levels from 0 to 70000 exceed 16 bits"):
        load_gray(Image.fromarray(np.array([[0, 70000]], np.int32)))
    with pytest.raises(ValueError, match="images of floating-point numbers are not supported"):
        load_gray(Image.fromarray(np.ones((2, 2), np.float32)))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_the_orientation_that_the_file_notes(tmp_path: Path, orientation: int, name: str) -> None:
    # By the EXIF standard: where row 0 and column 0 of the stored pixels are seen.
    seen = {
        1: RAMP,
        2: RAMP[:, ::-1],
        3: RAMP[::-1, ::-1],
        4: RAMP[::-1],
        5: RAMP.T,
        6: RAMP.T[:, ::-1],
        7: RAMP.T[::-1, ::-1],
        8: RAMP.T[::-1],
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(RAMP).save(tmp_path / name, exif=exif)
    np.testing.assert_array_equal(load_gray(tmp_path / name), seen[orientation])


def test_what_cannot_be_decoded_is_said(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(
        ValueError, match=r"text.png is not an image of a known format, or is damaged"
    ):
        load_gray(tmp_path / "text.png")
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 50)).astype(np.uint8))
    (tmp_path / "half.png").write_bytes(png(noise)[:900])
    with pytest.raises(ValueError, match=r"half.png cannot be decoded: .*truncated"):
        load_gray(tmp_path / "half.png")
    with pytest.raises(ValueError, match=r"none.png: no such file"):
        load_gray(tmp_path / "none.png")
    with pytest.raises(ValueError, match=r"cannot be read: .* is not a regular file"):
        load_gray(tmp_path)


def test_no_other_program_decodes_an_image(tmp_path: Path) -> None:
    """PIL goes by the content: of an EPS it would run Ghostscript, whatever the file's name."""
    header = "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n%%EOF\n"
    (tmp_path / "x.png").write_text(header)
    with pytest.raises(ValueError, match=r"x\.png") as caught:
        load_gray(tmp_path / "x.png")
    assert str(caught.value) == (
        f"{tmp_path / 'x.png'} is not an image of a known format, or is damaged; expected one of "
        "PNG, JPEG, TIFF, BMP, WEBP, PPM."
    )


@pytest.mark.parametrize("suffix", IMAGES)
def test_each_suffix_that_is_read_has_its_format(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(np.full((4, 6), 255, np.uint8)).save(tmp_path / f"a{suffix}")
    assert (load_gray(tmp_path / f"a{suffix}") == 255).all()


@given(st.data())
def test_damage_raises_no_other_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(png(Image.fromarray(RAMP).convert("RGB")))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damage") / "a.png"
    path.write_bytes(content)
    with suppress(ValueError):  # nothing else
        assert load_gray(path).ndim == 2


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            3,
            "a value of type int is not an image; expected a path, an ImageFile, a PIL",
        ),
        (np.zeros((2, 2)), r"an array of float64 with shape \(2, 2\) is not an image; expected"),
        (
            np.zeros((2, 2, 2), np.uint8),
            r"with shape \(2, 2, 2\) is not an image; expected .* \(H, W, 4",
        ),
        (np.zeros((0, 2), np.uint8), r"an image of shape \(0, 2\) has no pixels"),
        (np.zeros((2, 0, 3), np.uint8), r"an image of shape \(2, 0, 3\) has no pixels"),
        (Image.new("L", (0, 3)), "the image has no pixels: 0x3"),
    ],
)
def test_what_is_no_image(value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_gray(value)


def test_zip_files(tmp_path: Path) -> None:
    archive = zipped(
        tmp_path / "a.zip", {"a.png": b"bytes", "dir/b.png": png(Image.fromarray(RAMP))}
    )
    with pytest.raises(ValueError, match=r"a.zip has no member 'c.png'"):
        ImageFile(archive, "c.png").load()
    with pytest.raises(ValueError, match=r"a.zip/a.png is not an image"):
        ImageFile(archive, "a.png").load()
    with pytest.raises(ValueError, match=r"b.zip cannot be opened as a zip file: No such file"):
        ImageFile(str(tmp_path / "b.zip"), "a.png").load()
    (tmp_path / "c.zip").write_bytes(b"nothing")
    with pytest.raises(
        ValueError, match=r"c.zip cannot be opened as a zip file: File is not a zip"
    ):
        ImageFile(str(tmp_path / "c.zip"), "a.png").load()
    file = ImageFile(archive, "dir/b.png")
    assert repr(file) == f"ImageFile({archive!r}, 'dir/b.png')"
    assert repr(ImageFile("a.png")) == "ImageFile('a.png')"
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(file)).load(), RAMP)
    zipped(tmp_path / "a.zip", {"dir/b.png": png(Image.fromarray(RAMP[:, :2]))})
    np.testing.assert_array_equal(file.load(), RAMP[:, :2])


def test_damaged_and_huge_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = zipped(tmp_path / "a.zip", {"a.png": png(Image.fromarray(RAMP))})
    monkeypatch.setattr("seqloom_handwriting.images.file.LARGEST_IMAGE", 10)
    with pytest.raises(ValueError, match=r"a.zip: the member 'a.png' has \d+ bytes unpacked"):
        ImageFile(archive, "a.png").load()
    monkeypatch.undo()
    content = bytearray((tmp_path / "a.zip").read_bytes())
    content[60] ^= 1
    (tmp_path / "b.zip").write_bytes(content)
    with pytest.raises(ValueError, match=r"b.zip: the member 'a.png' cannot be read: Bad CRC-32"):
        ImageFile(str(tmp_path / "b.zip"), "a.png").load()


def many(folder: Path) -> tuple[list[ImageFile], list[int]]:
    sums, members = [], {}
    for number in range(30):
        pixels = np.random.default_rng(number).integers(0, 255, (40, 40)).astype(np.uint8)
        members[f"{number}.png"] = png(Image.fromarray(pixels))
        sums.append(int(pixels.sum()))
    archive = zipped(folder / "many.zip", members)
    return [ImageFile(archive, name) for name in members], sums


def total(file: ImageFile) -> int:
    return int(file.load().sum())


def test_threads_share_a_zip_file(tmp_path: Path) -> None:
    files, sums = many(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(total, files * 10)) == sums * 10


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_forked_processes_do_not_share_a_handle(tmp_path: Path) -> None:
    files, sums = many(tmp_path)
    assert total(files[0]) == sums[0]  # the parent has it open
    with multiprocessing.get_context("fork").Pool(3) as pool:
        assert pool.map(total, files * 20, chunksize=5) == sums * 20


@pytest.mark.realdata
def test_real_lines(real_data: Path) -> None:
    file = ImageFile(str(real_data / "peraire_lines" / "val.zip"), "B.13.japon3b_0048_000.png")
    pixels = file.load()
    assert pixels.shape == (64, 807)
    assert np.median(pixels) == 255
