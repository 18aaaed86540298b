"""Images with transparent parts, as gray levels on paper."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from seqloom_handwriting.images.file import BLACK, load_gray


@given(st.tuples(*[st.integers(0, 255)] * 4))
def test_what_is_transparent_shows_white(pixel: tuple[int, int, int, int]) -> None:
    array = np.array([[pixel, (0, 0, 0, 255)]], np.uint8)  # ink that is seen on white
    share = pixel[3] / 255
    gray = np.dot(pixel[:3], [0.299, 0.587, 0.114])
    assert abs(float(load_gray(array)[0, 0]) - (255 * (1 - share) + gray * share)) < 2


def test_gray_and_palette_with_transparency(tmp_path: Path) -> None:
    alpha = Image.merge("LA", (Image.new("L", (1, 1), 0), Image.new("L", (1, 1), 0)))
    alpha.save(tmp_path / "la.png")
    assert load_gray(tmp_path / "la.png").tolist() == [[255]]
    palette = Image.fromarray(np.array([[0, 1]], np.uint8), "L").convert("P")
    palette.putpalette([0, 0, 0, 100, 100, 100])
    palette.save(tmp_path / "p.png", transparency=b"\x00\xff")
    assert load_gray(tmp_path / "p.png").tolist() == [[255, 100]]


INK = np.zeros((8, 20), np.uint8)
INK[2:6, 3:7] = INK[3:5, 9:15] = 255


def drawn(mode: str, level: int) -> Image.Image:
    """Return ink of a gray level on transparent paper."""
    image = Image.merge("LA", (Image.new("L", (20, 8), level), Image.fromarray(INK)))
    if mode != "P":
        return image.convert(mode)
    image = Image.fromarray(INK // 255, "L").convert("P")
    image.putpalette([0, 0, 0, level, level, level])
    image.info["transparency"] = b"\x00\xff"
    return image


@pytest.mark.parametrize("mode", ["LA", "RGBA", "P"])
@pytest.mark.parametrize("level", [255, 240])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_white_ink_on_transparent_paper_is_seen(
    tmp_path: Path, mode: str, level: int, suffix: str
) -> None:
    image = drawn(mode, level)
    if (mode, suffix) in [("P", ".tif"), ("LA", ".webp"), ("P", ".webp")]:
        image = image.convert("RGBA")
    path = tmp_path / f"a{suffix}"
    image.save(path, **({"lossless": True} if suffix == ".webp" else {}))
    dark, light = load_gray(path), load_gray(path, BLACK)
    assert (dark[INK == 0] == 255).all()
    assert (dark[INK > 0] == 255 - level).all()
    assert (light[INK == 0] == 0).all()
    assert (light[INK > 0] == level).all()


def test_black_ink_on_transparent_paper_is_seen_where_paper_is_black() -> None:
    np.testing.assert_array_equal(load_gray(drawn("RGBA", 0), BLACK), INK)
    np.testing.assert_array_equal(load_gray(drawn("RGBA", 0)), 255 - INK)


def test_a_blank_piece_of_paper_is_blank() -> None:
    piece = np.full((8, 20, 4), 255, np.uint8)
    piece[:2, :, 3] = piece[:, :4, 3] = 0  # cut out along a polygon
    assert (load_gray(piece) == 255).all()
    piece[3:6, 6:9, :3] = 20  # and one with writing
    assert (load_gray(piece)[3:6, 6:9] == 20).all()
    assert (load_gray(piece)[:2] == 255).all()
