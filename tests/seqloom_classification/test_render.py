from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

from seqloom.interfaces import Example, FrontendCodec, View
from seqloom_classification.render import render

HOSTILE = '<script>alert("1")</script>'


class _Page(HTMLParser):
    """Collects the tags and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.classes: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.classes += (dict(attrs).get("class") or "").split()

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    ("truth", "prediction", "kind"),
    [
        ("a", {"label": "a"}, "right"),
        ("a", {"label": "b"}, "wrong"),
        (None, {"label": "b"}, None),
        (["b", "a"], {"labels": ["a", "b"]}, "right"),
        ([], {"labels": []}, "right"),
        (["a"], {"labels": []}, "wrong"),
    ],
)
def test_right_and_wrong_differ(truth: Any, prediction: Any, kind: str | None) -> None:
    page = _Page(render(View("so it is"), prediction, truth))
    assert {"right", "wrong"} & set(page.classes) == ({kind} if kind else set())
    assert ("truth" in page.classes) == (kind == "wrong")
    assert "so it is" in page.text


def test_confidence_is_shown() -> None:
    page = render(View("x"), {"label": "a", "confidence": 0.875})
    assert "87.5 %" in page


@pytest.mark.parametrize("where", ["text", "tokens", "truth", "label", "labels"])
def test_texts_are_escaped(where: str) -> None:
    fields: dict[str, Any] = {"text": HOSTILE, "tokens": [HOSTILE], "truth": HOSTILE}
    wanted = fields if where == "truth" else {where: fields.get(where)}
    prediction = {"labels": [HOSTILE]} if where == "labels" else {"label": HOSTILE}
    view = FrontendCodec.show(None, Example("1", wanted))  # type: ignore[arg-type]
    page = _Page(render(view, prediction, wanted.get("truth")))
    assert "script" not in page.tags
    assert HOSTILE in page.text
