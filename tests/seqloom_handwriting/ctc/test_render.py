"""A line in the report: what is shown, what is marked, and that nothing gets out of its text."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from seqloom.interfaces import Example
from seqloom_handwriting.ctc.codec import CtcCodec
from seqloom_handwriting.ctc.render import render
from seqloom_handwriting.images.file import ImageFile
from seqloom_handwriting.readers.series import ArrayFile
from seqloom_handwriting.schemas.heads import Ctc

HOSTILE = """<script>alert(1)</script>"'><img src=x onerror=alert(1)>&amp;"""
ALLOWED = {
    "div": {"style"},
    "span": {"style"},
    "mark": {"style", "title"},
    "img": {"src", "alt", "style"},
    "svg": {"viewbox", "style", "fill", "stroke", "stroke-width", "stroke-linecap", "font-size"},
    "text": {"x", "y", "text-anchor", "opacity"},
    "title": set(),
    "polyline": {"points"},
}

Render = Callable[..., str]


class Reader(HTMLParser):
    """Collects the text, the marks and the attributes, and refuses all but what is expected."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert {name for name, _ in attrs} <= ALLOWED[tag], (tag, attrs)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag != "img":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def show() -> Render:
    """Render a reading of an example with these fields, each character equally sure."""

    def _show(read: str, fields: dict[str, Any], sure: float | None = 0.5, name: str = "1") -> str:
        prediction: dict[str, Any] = {"text": read}
        if sure is not None:
            prediction["characters"] = [
                {
                    "character": c,
                    "confidence": sure,
                    "start": i / len(read),
                    "end": (i + 1) / len(read),
                }
                for i, c in enumerate(read)
            ]
        return render(Example(name, fields), prediction, CtcCodec(Ctc()))

    return _show


def picture_of(html: str) -> np.ndarray:
    found = re.search(r'src="data:image/png;base64,([^"]+)"', html)
    assert found
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(found[1]))).convert("L"))


@pytest.mark.parametrize("truth", [HOSTILE, "a", None])
@pytest.mark.parametrize("read", [HOSTILE, f"{HOSTILE[:40]}x", "b"])
def test_hostile_texts_stay_texts(show: Render, read: str, truth: str | None) -> None:
    fields = {"image": np.zeros((4, 9), np.uint8)} | ({"text": truth} if truth else {})
    html = show(read, fields)
    reader = Reader(html)  # knows all the tags and attributes that there may be
    if truth:
        assert f"truth: {truth}" in reader.text
    if read == truth or not truth:
        assert f"read: {read}" in reader.text
    if truth == HOSTILE and read == "b":
        titles = "".join(
            v for tag, name, v in reader.attributes if (tag, name) == ("mark", "title")
        )
        assert HOSTILE in titles.replace("truth: ", "")


def test_a_hostile_id_stays_a_text(show: Render) -> None:
    assert HOSTILE in Reader(show("a", {"features": np.zeros((3, 2))}, name=HOSTILE)).text


def test_nothing_is_fetched_from_elsewhere(show: Render) -> None:
    for fields in ({"image": np.zeros((9, 9), np.uint8)}, {"strokes": [[(0, 0), (1, 2)]]}, {}):
        html = show("abc", {**fields, "text": "http://example.org/a.png"})
        for _, name, value in Reader(html).attributes:
            if name == "src":
                assert value.startswith("data:image/png;base64,")
            assert name != "style" or "url" not in value


def test_mistakes_are_marked_where_they_are(show: Render) -> None:
    html = show("aXcdd e", {"text": "abcd"})
    marks = re.findall(r'<mark style="([^"]+)" title="([^"]+)">(.*?)</mark>', html)
    assert [(title, piece) for _, title, piece in marks] == [
        ("truth: b", "X"),
        ("truth: ", "d␣e"),
    ]
    assert len({style for style, _, _ in marks}) == 1
    assert "truth: abcd" in Reader(html).text


def test_what_is_missing_is_a_bar_that_tells_what(show: Render) -> None:
    html = show("ad", {"text": "abcd"})
    assert re.search(r'a<mark style="border-left[^"]+" title="truth: bc"></mark>d', html)


def test_a_right_reading_has_no_mark_and_nothing_read_is_told(show: Render) -> None:
    assert "<mark" not in show("a b", {"text": " a\u00a0b\n"})
    assert "read: (nothing)" in Reader(show("", {})).text
    html = show("", {"text": "ab"})
    assert 'title="truth: ab"' in html


def test_without_a_truth_nothing_is_judged(show: Render) -> None:
    for fields in ({}, {"text": None}, {"text": 3}):
        html = show("ab", fields)
        assert "<mark" not in html
        assert "truth" not in html


def test_an_image_is_in_the_report(show: Render, tmp_path: Path) -> None:
    gray = np.full((40, 200), 255, np.uint8)
    gray[10:30, 50:60] = 0
    Image.fromarray(gray).save(tmp_path / "a.png")
    kinds = (gray, Image.fromarray(gray), ImageFile(str(tmp_path / "a.png")), tmp_path / "a.png")
    for value in kinds:
        assert picture_of(show("a", {"text": "a", "image": value})).tolist() == gray.tolist()


@pytest.mark.parametrize("shape", [(1, 1), (500, 3), (3, 9000), (300, 6000)])
def test_an_image_of_any_shape_is_shown_small(show: Render, shape: tuple[int, int]) -> None:
    html = show("a", {"image": np.full(shape, 128, np.uint8)})
    height, width = picture_of(html).shape
    assert 1 <= height <= 64
    assert 1 <= width <= 1800


def test_characters_stand_where_they_were_read(show: Render) -> None:
    html = show("ab", {"image": np.zeros((20, 100), np.uint8)}, sure=0.2)
    places = re.findall(
        r'<text x="([\d.]+)" .*?opacity="([\d.]+)">(.)<title>([\d.]+)</title>', html
    )
    assert places == [("25.0", "0.40", "a", "0.200"), ("75.0", "0.40", "b", "0.200")]
    assert re.findall(">([^<]+)<title>", show("<&", {})) == ["&lt;", "&amp;"]
    assert "<text" not in show("ab", {}, sure=None)
    assert "<text" not in show("a" * 61, {})


def test_a_picture_that_is_gone_is_told_of(show: Render, tmp_path: Path) -> None:
    gone = tmp_path / "<gone>.png"
    text = Reader(show("a", {"image": ImageFile(str(gone)), "text": "a"})).text
    assert f"The picture cannot be shown: {gone}: no such file." in text
    (tmp_path / "bad.png").write_bytes(b"no image")
    text = Reader(show("a", {"image": ImageFile(str(tmp_path / "bad.png"))})).text
    assert "The picture cannot be shown: " in text
    assert "read: a" in text


def test_strokes_are_drawn_in_their_proportions(show: Render) -> None:
    html = show("a", {"strokes": [[(10, 10), (30, 10)], [(30, 10), (30, 20)]], "text": "a"})
    points = [
        [tuple(map(float, pair.split(","))) for pair in line.split()]
        for line in re.findall(r'<polyline points="([^"]+)"/>', html)
    ]
    assert points == [[(2, 2), (130, 2)], [(130, 2), (130, 66)]]
    assert 'viewBox="0 0 132.0 68.0"' in html


@pytest.mark.parametrize(
    "strokes", [[[(3, 3)]], [[(0, 0, 7), (1, 1, 8)]], [[(0, 5), (9, 5)]], [[(5, 0), (5, 9)]]]
)
def test_dots_and_straight_lines_are_drawn(show: Render, strokes: Any) -> None:
    html = show("a", {"strokes": strokes})
    numbers = [
        float(n) for n in re.findall(r"[-\d.]+", " ".join(re.findall(r'points="([^"]+)"', html)))
    ]
    assert len(numbers) >= 4  # a line of a single point is not seen
    assert all(0 <= n <= 910 for n in numbers)


@pytest.mark.parametrize("strokes", [[], [[]], "abc", [[(1, "a")]], [[(float("nan"), 0)]], 5])
def test_what_are_no_strokes_does_no_harm(show: Render, strokes: Any) -> None:
    text = Reader(show("a", {"strokes": strokes})).text
    assert "The picture cannot be shown: " in text
    assert "read: a" in text


def test_vectors_have_no_picture(show: Render, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((5, 2)))
    for value in (np.zeros((5, 2), np.float32), ArrayFile(str(tmp_path / "a.npy"))):
        html = show("a", {"features": value, "text": "a"}, name="line 7")
        assert "<img" not in html
        assert "cannot be shown" not in html
        assert "line 7" in Reader(html).text
