"""What heads render becomes a tree in which nothing runs."""

from __future__ import annotations

import html
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.demo.markup import ATTRIBUTES, CASED, ELEMENTS, VOID, tree


def elements(nodes: list[Any]) -> list[list[Any]]:
    """Return all elements of a tree."""
    found = [node for node in nodes if not isinstance(node, str)]
    return found + [inner for _, _, children in found for inner in elements(children)]


@given(st.text())
def test_a_text_stays_a_text(text: str) -> None:
    cleaned = text.replace("\r", "\n").replace("\0", "\ufffd")
    escaped = html.escape(cleaned)
    assert "".join(map(str, tree(f"<p>{escaped}</p>")[0][2])) == html.unescape(escaped)


pieces = st.sampled_from(
    ["<", ">", "</", "/>", "p", "script", " onload=x", "svg", "img src=//x ", "<!--", "&lt;", "'"]
)


@given(st.lists(pieces, max_size=12).map("".join))
def test_only_what_is_listed_is_kept(markup: str) -> None:
    for name, attributes, children in elements(tree(markup)):
        assert name in ELEMENTS
        assert {*attributes} <= {*ATTRIBUTES, *CASED.values()}
        assert name not in VOID or not children


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<a href='http://x'>go</a>", ["go"]),
        ("<style>p{}</style><iframe src=x>in</iframe>", []),
        ("<img src='http://x/y.png' alt=a>", [["img", {"alt": "a"}, []]]),
        ("<b>1<i>2</b>3", [["b", {}, ["1", ["i", {}, ["2"]]]], "3"]),
        ("</b>1", ["1"]),
        ("<svg viewBox='0 0 1 1'><path d=M0 /></svg>",
         [["svg", {"viewBox": "0 0 1 1"}, [["path", {"d": "M0"}, []]]]]),
    ],
)  # fmt: skip
def test_the_tree(markup: str, expected: list[Any]) -> None:
    assert tree(markup) == expected


def test_an_image_in_the_markup_is_kept() -> None:
    source = "data:image/png;base64,AAAA"
    assert tree(f'<img src="{source}">') == [["img", {"src": source}, []]]


def test_elements_without_content_stay_empty() -> None:
    (paragraph,) = tree("<p>a<br/>b<svg><path d='M0'/><path d='M1'/></svg></p>")
    assert [one if isinstance(one, str) else one[0] for one in paragraph[2]] == [
        "a", "br", "b", "svg"
    ]  # fmt: skip
    assert [one[1] for one in paragraph[2][3][2]] == [{"d": "M0"}, {"d": "M1"}]
