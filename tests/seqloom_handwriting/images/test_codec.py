from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from seqloom.errors import ConfigError, ExampleError
from seqloom.interfaces import Example, Origin
from seqloom_handwriting.images.codec import LineImageCodec
from seqloom_handwriting.images.file import ImageFile

PLAIN = {"height": 8, "margin": 0, "contrast": False, "channels": [2], "pooling": ["1x1"]}


def encode(image: Any, **params: Any) -> np.ndarray:
    codec = LineImageCodec(**{**PLAIN, **params})
    return codec.encode(Example("e", {"image": image}, Origin("lines.tsv", 7)))["image"]


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (height, width), dtype=np.uint8)


def writing(paper: int, ink: int) -> np.ndarray:
    image = np.full((8, 40), paper, np.uint8)
    image[2:6, 5:8] = image[2:6, 20:23] = ink
    return image


def test_an_image_of_the_height_is_turned_inverted_and_given_margins() -> None:
    image = noise(8, 5)
    encoded = encode(image, margin=3)
    assert encoded.shape == (11, 8)
    assert encoded.dtype == np.uint8
    assert encoded.flags.c_contiguous
    assert np.array_equal(encoded[3:8], 255 - image.T)
    assert not encoded[:3].any()
    assert not encoded[8:].any()


@pytest.mark.parametrize(
    ("shape", "width"), [((16, 30), 15), ((4, 30), 60), ((12, 10), 7), ((300, 1), 1), ((1, 3), 24)]
)
def test_the_width_follows_the_height(shape: tuple[int, int], width: int) -> None:
    assert encode(noise(*shape)).shape == (width, 8)


def test_scaling_down_covers_the_area_of_a_pixel() -> None:
    board = np.indices((80, 200)).sum(0) % 2 * 255
    encoded = encode(board.astype(np.uint8))
    assert np.abs(encoded.astype(int) - 127).max() <= 2


def test_scaling_by_a_whole_factor_is_near_the_average() -> None:
    smooth = np.add.outer(np.arange(64), np.arange(160)).astype(np.uint8)
    blocks = 255 - smooth.reshape(8, 8, 20, 8).mean((1, 3)).T
    inside = np.s_[2:-2, 2:-2]
    assert np.abs(encode(smooth)[inside] - blocks[inside]).max() <= 1


@pytest.mark.parametrize("ink", ["dark", "light", "auto"])
@pytest.mark.parametrize(("paper", "pen"), [(255, 0), (210, 90), (0, 255), (40, 130)])
def test_ink(ink: str, paper: int, pen: int) -> None:
    image = writing(paper, pen)
    light = pen > paper if ink == "auto" else ink == "light"
    assert np.array_equal(encode(image, ink=ink), (image if light else 255 - image).T)


def test_contrast_makes_paper_white_and_ink_black() -> None:
    faint = writing(210, 90)
    assert np.array_equal(encode(faint, contrast=True), (255 - writing(255, 0)).T)
    nothing = np.full((8, 40), 200, np.uint8)
    nothing[::2, ::3] = 190  # a tremor of the paper stays one
    assert np.array_equal(encode(nothing, contrast=True), 255 - nothing.T)


@given(st.integers(0, 255), st.integers(0, 255), st.integers(1, 159))
def test_auto_takes_what_covers_less_for_ink(paper: int, ink: int, inked: int) -> None:
    image = np.full(320, paper, np.uint8)
    image[:inked] = ink
    encoded = encode(image.reshape(8, 40), ink="auto")
    assert (encoded[0, 0] > encoded[-1, -1]) == (paper != ink)


@pytest.mark.realdata
def test_auto_knows_real_lines(real_data: Path) -> None:
    archive = real_data / "peraire_lines" / "val.zip"
    table = (real_data / "peraire_lines" / "val.tsv").read_text("utf-8").splitlines()[1:41]
    for line in table:
        file = ImageFile(str(archive), line.split("\t")[0])
        dark = encode(file)
        assert np.array_equal(encode(file, ink="auto"), dark)
        assert np.array_equal(encode(255 - file.load(), ink="auto"), dark)


def test_any_kind_of_image_is_read(tmp_path: Path) -> None:
    gray = noise(8, 20)
    wanted = encode(gray)
    path = tmp_path / "line.png"
    Image.fromarray(gray).save(path)
    colours = np.repeat(gray[:, :, None], 3, 2)
    transparent = np.dstack([np.zeros_like(colours), 255 - gray])
    for image in (Image.fromarray(gray), path, str(path), ImageFile(str(path)), colours):
        assert np.array_equal(encode(image), wanted)
    assert np.abs(encode(transparent).astype(int) - wanted).max() <= 1


@pytest.mark.parametrize("ink", ["dark", "light", "auto"])
def test_writing_on_transparent_paper_is_read_in_any_colour(ink: str) -> None:
    shape = np.zeros((8, 20), np.uint8)
    shape[2:6, 3:7] = shape[3:5, 9:15] = 255
    for level in (0, 255):
        image = np.dstack([np.full((8, 20, 3), level, np.uint8), shape])
        assert np.array_equal(encode(image, ink=ink), encode(255 - shape))


def test_frames_and_cost() -> None:
    codec = LineImageCodec(height=8, margin=2, channels=[2, 2], pooling=["2x2", "1x3"])
    item = codec.encode(Example("e", {"image": noise(8, 31)}))
    assert codec.cost(item) == 35
    assert codec.frames(item) == 5


def test_preparing_opens_no_file() -> None:
    example = Example("e", {"image": ImageFile("/does/not/exist.png")})
    codec = LineImageCodec()
    assert codec.prepare(example) is example
    assert codec.fit([example]) == {}


def test_a_bare_image_becomes_the_field() -> None:
    codec = LineImageCodec(field="scan")
    for value in (noise(4, 4), Image.new("L", (3, 3)), Path("a.png"), "a.png", ImageFile("a.png")):
        fields = codec.fields(value)
        assert fields is not None
        assert list(fields) == ["scan"]
        assert fields["scan"] is value
    assert codec.fields(["a.png"]) is None


def test_a_missing_image_is_named() -> None:
    with pytest.raises(ExampleError) as caught:
        LineImageCodec().encode(Example("e", {"imgae": noise(4, 4)}, Origin("lines.tsv", 7)))
    assert str(caught.value) == (
        "lines.tsv:7: the field 'image' has no image; set frontend.field to the field that holds "
        "it. Did you mean 'imgae'? There are: imgae."
    )


def test_an_image_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    path = tmp_path / "line.png"
    path.write_bytes(b"no image")
    with pytest.raises(ExampleError, match=r"lines.tsv:7: the image in 'image' cannot be read: .+"):
        encode(path)


def test_a_file_that_is_the_example_is_named_once(tmp_path: Path) -> None:
    path = tmp_path / "line.png"
    for content, said in {
        b"no image": " is not an image of a known format, or is damaged; expected one of ",
        b"\x89PNG\r\n\x1a\n damaged": " cannot be ",
        None: ": no such file.",
    }.items():
        path.unlink() if content is None else path.write_bytes(content)
        with pytest.raises(ExampleError) as caught:
            LineImageCodec().encode(Example("e", {"image": path}, Origin(str(path))))
        assert str(caught.value).startswith(f"{path}: the image in 'image'{said}")
        assert str(caught.value).count("line.png") == 1


def test_an_image_that_looks_like_a_page_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    codec = LineImageCodec()
    for name, shape in {"a": (60, 900), "b": (401, 602), "c": (401, 601), "d": (900, 600)}.items():
        codec.encode(Example(name, {"image": noise(*shape)}, Origin(f"{name}.png")))
    assert caplog.messages == [
        "c.png: the image is 601 pixels wide and 401 high, which looks like a page; expected one "
        "line. Lines are cut from pages by their ALTO or PAGE XML (data=pages). This is shown once."
    ]


def test_an_image_that_is_mostly_ink_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    line = np.full((40, 300), 230, np.uint8)
    line[10:30, 20:280:6] = 20
    for ink, images in {"dark": (line, 255 - line), "light": (255 - line, line)}.items():
        for contrast in (True, False):
            codec = LineImageCodec(ink=ink, contrast=contrast)
            codec.encode(Example("a", {"image": images[0]}))
            assert not caplog.messages
            codec.encode(Example("b", {"image": images[1]}, Origin("b.png")))
            codec.encode(Example("c", {"image": images[1]}))
            (told,) = caplog.messages
            assert told.startswith(f"b.png: with frontend.ink={ink}, most of the image is ink; are")
            caplog.clear()
    for image in (line, 255 - line):
        LineImageCodec(ink="auto").encode(Example("a", {"image": image}))
    assert not caplog.messages


@pytest.mark.parametrize("contrast", [True, False])
@pytest.mark.parametrize("darkest", [20, 60])
def test_a_dark_photograph_is_no_negative(
    darkest: int, contrast: bool, caplog: pytest.LogCaptureFixture
) -> None:
    line = np.full((40, 300), 70, np.uint8)
    line[10:30, 20:280:6] = darkest
    line[0, 0] = 80
    LineImageCodec(ink="dark", contrast=contrast).encode(Example("a", {"image": line}))
    LineImageCodec(ink="auto", contrast=contrast).encode(Example("a", {"image": line}))
    LineImageCodec(ink="light", contrast=contrast).encode(Example("b", {"image": 255 - line}))
    assert not caplog.messages


def test_a_narrow_image_is_refused_with_its_size() -> None:
    with pytest.raises(ExampleError) as caught:
        encode(noise(16, 3), pooling=["1x4"], margin=0)
    assert str(caught.value) == (
        "lines.tsv:7: the image is 3 pixels wide and 16 high, which becomes 2 wide after "
        "scaling to a height of 8 and adding margins; the convolutions need 4. Leave it out, or "
        "raise frontend.margin."
    )
    assert encode(noise(16, 3), pooling=["1x4"], margin=1).shape == (4, 8)


def test_an_image_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    Image.new("1", (2_000_000, 1)).save(tmp_path / "long.png")  # 768 MB when it is 384 high
    with pytest.raises(ExampleError) as caught:
        encode(tmp_path / "long.png", height=384)
    assert str(caught.value) == (
        "lines.tsv:7: the image is 2000000 pixels wide and only 1 high; expected one line of "
        "writing, at most 200 times as wide as high."
    )
    assert encode(noise(1, 200)).shape == (1600, 8)


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({"height": 0}, r"frontend.height=0: expected 1 or more\."),
        ({"margin": -1}, r"frontend.margin=-1: expected 0 or more\."),
        ({"dropout": 1.0}, r"frontend.dropout=1.0: expected a number in \[0, 1\)"),
        ({"ink": "blue"}, r"frontend.ink=blue: expected dark or light or auto\."),
        ({"channels": []}, r"frontend.channels=\[\]: expected the positive sizes of one or more"),
        ({"channels": [4, 0]}, r"frontend.channels=\[4, 0\]: expected the positive sizes"),
        ({"pooling": ["2x2"]}, r"frontend.pooling=\['2x2'\]: expected one for each of the 4 "),
        ({"height": 15}, r"expected no more than frontend.height=15, which this divides by 16"),
        ({"augment": {"slant": -1.0}}, r"frontend.augment.slant=-1.0: expected 0 or more\."),
        ({"augment": {"morphology": 2.0}}, r"frontend.augment.morphology=2.0: expected a share"),
    ],
)
def test_parameters_out_of_range(params: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        LineImageCodec(**params)
