"""An example in the report: what is marked, where characters stand, and that texts are escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from seqloom.interfaces import Example, View
from seqloom_ctc.codec import CtcCodec
from seqloom_ctc.schema import Ctc

HOSTILE = """<script>alert(1)</script>"'><img src=x onerror=alert(1)>&amp;"""
ALLOWED = {
    "div": {"style"},
    "span": {"style"},
    "mark": {"style", "title"},
    "svg": {"viewbox", "style", "font-size"},
    "text": {"x", "y", "text-anchor", "opacity"},
    "title": set(),
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
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def show() -> Render:
    """Render a reading of an example with these fields, each character equally sure."""

    def _show(
        read: str,
        fields: dict[str, Any],
        sure: float | None = 0.5,
        name: str = "1",
        view: View | None = None,
    ) -> str:
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
        view = view or View(f"<div>{html.escape(name)}</div>")
        return CtcCodec(Ctc()).render(Example(name, fields), prediction, view)

    return _show


@pytest.mark.parametrize("truth", [HOSTILE, "a", None])
@pytest.mark.parametrize("read", [HOSTILE, f"{HOSTILE[:40]}x", "b"])
def test_hostile_texts_stay_texts(show: Render, read: str, truth: str | None) -> None:
    fields = {"text": truth} if truth else {}
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
    assert HOSTILE in Reader(show("a", {}, name=HOSTILE)).text


def test_nothing_is_fetched_from_elsewhere(show: Render) -> None:
    for fields in ({"text": "http://example.org/a.png"}, {}):
        for _, name, value in Reader(show("abc", fields)).attributes:
            assert name != "src"
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


def places_of(html: str) -> list[tuple[str, str, str, str]]:
    return re.findall(r'<text x="([\d.]+)" .*?opacity="([\d.]+)">(.)<title>([\d.]+)</title>', html)


def test_the_view_stands_above_the_reading(show: Render) -> None:
    html = show("a", {}, view=View("<div>what was read</div>", 100))
    assert html.index("<div>what was read</div>") < html.index("<svg") < html.index("read: ")


def test_characters_stand_where_they_were_read(show: Render) -> None:
    view = View("", 100)
    assert places_of(show("ab", {}, sure=0.2, view=view)) == [
        ("25.0", "0.40", "a", "0.200"),
        ("75.0", "0.40", "b", "0.200"),
    ]
    assert re.findall(">([^<]+)<title>", show("<&", {})) == ["&lt;", "&amp;"]
    assert "<text" not in show("ab", {}, sure=None)
    assert "<text" not in show("a" * 61, {})


def test_characters_stand_at_the_steps_of_the_view(show: Render) -> None:
    """Two steps each: the first two lie close together, the others far to the right."""
    view = View("", 100, [(0, 5), (5, 10), (60, 80), (80, 100)])
    assert [place[0] for place in places_of(show("ab", {}, view=view))] == ["5.0", "80.0"]
    points = View("", 100, [(8, 8), (50, 50)])  # a step may be a point, or have several characters
    assert [place[0] for place in places_of(show("ab", {}, view=points))] == ["8.0", "50.0"]
    assert [place[0] for place in places_of(show("abcd", {}, view=points))][::3] == ["8.0", "50.0"]
