"""What the frontends show of an example in the report, and where each step lies in it."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from seqloom.interfaces import Example, FrontendCodec, View
from seqloom_handwriting.images.codec import LineImageCodec
from seqloom_handwriting.images.file import ImageFile
from seqloom_handwriting.readers.series import ArrayFile
from seqloom_handwriting.strokes import StrokeCodec
from seqloom_handwriting.vectors import VectorCodec

HOSTILE = """<script>alert(1)</script>"'><img src=x onerror=alert(1)>&amp;"""
ALLOWED = {
    "div": set[str](),
    "img": {"src", "alt", "style"},
    "svg": {"viewbox", "style", "fill", "stroke", "stroke-width", "stroke-linecap"},
    "polyline": {"points"},
}


class Page(HTMLParser):
    """Collects the text, and refuses tags and attributes but those that are expected."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert {name for name, _ in attrs} <= ALLOWED[tag], (tag, attrs)
        for name, value in attrs:  # nothing is fetched from elsewhere
            assert name != "src" or str(value).startswith("data:image/png;base64,")
            assert name != "style" or "url" not in str(value)

    def handle_data(self, data: str) -> None:
        self.text += data


def show(codec: FrontendCodec, name: str = "1", **fields: Any) -> View:
    view = codec.show(Example(name, fields))
    assert all(0 <= left <= right <= view.width for left, right in view.places)
    return view


def show_image(value: Any, **params: Any) -> View:
    return show(LineImageCodec(**params), image=value, text=HOSTILE)


def show_strokes(value: Any, **params: Any) -> View:
    return show(StrokeCodec(**params), strokes=value, text=HOSTILE)


def picture_of(view: View) -> np.ndarray:
    Page(view.html)
    found = re.search(r'src="data:image/png;base64,([^"]+)"', view.html)
    assert found
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(found[1]))).convert("L"))


def test_an_image_is_shown(tmp_path: Path) -> None:
    gray = np.full((40, 200), 255, np.uint8)
    gray[10:30, 50:60] = 0
    Image.fromarray(gray).save(tmp_path / "a.png")
    kinds = (gray, Image.fromarray(gray), ImageFile(str(tmp_path / "a.png")), tmp_path / "a.png")
    for value in kinds:
        assert picture_of(show_image(value)).tolist() == gray.tolist()


@pytest.mark.parametrize("shape", [(1, 1), (500, 3), (3, 9000), (300, 6000)])
def test_an_image_of_any_shape_is_shown_small(shape: tuple[int, int]) -> None:
    height, width = picture_of(show_image(np.full(shape, 128, np.uint8))).shape
    assert 1 <= height <= 64
    assert 1 <= width <= 1800


@pytest.mark.parametrize("margin", [0, 3, 8])
@pytest.mark.parametrize("shape", [(40, 200), (40, 9), (64, 500)])
def test_each_frame_of_an_image_has_its_place(shape: tuple[int, int], margin: int) -> None:
    """A bar of ink is in the frames whose places it covers."""
    codec = LineImageCodec(height=32, margin=margin, ink="dark", contrast=False)
    gray = np.full(shape, 255, np.uint8)
    gray[:, shape[1] // 2 :] = 0
    item = codec.encode(Example("1", {"image": gray}))
    view = show(codec, image=gray)
    assert len(view.places) == codec.frames(item)
    pool = codec.pooling.width
    for step, (left, right) in enumerate(view.places):
        ink = item["image"][step * pool : (step + 1) * pool].mean() / 255
        if right > left > 0.55 * view.width and right < view.width:
            assert ink > 0.9
        if right < 0.45 * view.width:
            assert ink < 0.1


def test_an_image_that_is_missing_is_explained(tmp_path: Path) -> None:
    gone = tmp_path / "<gone>.png"
    text = Page(show_image(ImageFile(str(gone))).html).text
    assert text == f"The picture cannot be shown: {gone}: no such file."
    (tmp_path / "bad.png").write_bytes(b"no image")
    text = Page(show_image(ImageFile(str(tmp_path / "bad.png"))).html).text
    assert text.startswith("The picture cannot be shown: ")


def points_of(view: View) -> list[list[tuple[float, ...]]]:
    Page(view.html)
    return [
        [tuple(map(float, pair.split(","))) for pair in line.split()]
        for line in re.findall(r'<polyline points="([^"]+)"/>', view.html)
    ]


def test_strokes_are_drawn_in_their_proportions() -> None:
    view = show_strokes([[(10, 10), (30, 10)], [(30, 10), (30, 20)]], spacing=0.0)
    assert points_of(view) == [[(2, 2), (130, 2)], [(130, 2), (130, 66)]]
    assert 'viewBox="0 0 132.0 68.0"' in view.html
    assert view.places == [(x, x) for x in (2, 130, 130, 130)]


def test_resampled_strokes_have_a_place_for_each_point() -> None:
    strokes = [[(10, 10), (30, 10)], [(30, 10), (30, 20)]]
    view = show_strokes(strokes, spacing=0.5)
    codec = StrokeCodec(spacing=0.5)
    item = codec.encode(Example("1", {"strokes": strokes}))
    assert len(view.places) == codec.frames(item) == 8
    assert np.allclose(view.places[:5], [(x, x) for x in (2, 34, 66, 98, 130)])


@pytest.mark.parametrize("strokes", [[[(3, 3)]], [[(0, 5), (9, 5)]], [[(5, 0), (5, 9)]]])
def test_dots_and_straight_lines_are_drawn(strokes: Any) -> None:
    numbers = np.array(points_of(show_strokes(strokes))).ravel()
    assert len(numbers) >= 4  # a line of a single point is not seen
    assert (numbers >= 0).all()
    assert (numbers <= 910).all()


@pytest.mark.parametrize(
    "strokes", [[], [[]], "abc", [[(1, "a")]], [[(float("nan"), 0)]], [[(0, 0, 7)]], 5]
)
def test_what_are_no_strokes_does_no_harm(strokes: Any) -> None:
    view = show(StrokeCodec(), name=HOSTILE, strokes=strokes)
    assert "The picture cannot be shown: " in Page(view.html).text


def test_vectors_have_no_picture(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((5, 2)))
    for value in (np.zeros((5, 2), np.float32), ArrayFile(str(tmp_path / "a.npy"))):
        view = show(VectorCodec(), name=HOSTILE, features=value, text="a")
        assert Page(view.html).text == HOSTILE
