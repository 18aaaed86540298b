"""What heads render, as a tree that the page builds elements of.

The page's policy forbids styles and scripts in its markup, and no text becomes markup there: it
gets names of elements from a list, their attributes from another, and texts.
"""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

Node = str | list[Any]
"""A text, or an element: ``[name, attributes, children]``."""

VOID = {"br", "col", "hr", "img", "wbr"}
NAMES = """
b caption code dd del details div dl dt em figcaption figure h2 h3 h4 i ins kbd li mark ol p
pre q rp rt ruby s samp small span strong sub summary sup table tbody td tfoot th thead
title tr u ul circle ellipse g line path polygon polyline rect svg text tspan
"""
ELEMENTS = {*VOID, *NAMES.split()}
PROPERTIES = """
alt class colspan cx cy d dir dx dy fill font-size font-weight height lang opacity points r
rowspan rx ry stroke stroke-linecap stroke-linejoin stroke-width style text-anchor title
transform width x x1 x2 y y1 y2
"""
CASED = {name.lower(): name for name in ("viewBox", "preserveAspectRatio", "textLength")}
ATTRIBUTES = {*CASED, *PROPERTIES.split()}
UNSEEN = {"script", "style", "template", "iframe", "object"}
"""Elements whose contents are left out too."""


def tree(html: str) -> list[Node]:
    """Return markup as nodes; of elements that are not in the list, only what they contain.

    >>> tree('<p onclick="x()">1 &lt; <b class="big">2</b></p><script>x()</script>')
    [['p', {}, ['1 < ', ['b', {'class': 'big'}, ['2']]]]]
    """
    parser = _Parser()
    parser.feed(html)
    parser.close()
    return parser.root


class _Parser(HTMLParser):
    """Collects the nodes in ``root``."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root: list[Node] = []
        self._open: list[tuple[str, list[Node]]] = [("", self.root)]
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin an element."""
        self._unseen += tag in UNSEEN
        if self._unseen or tag not in ELEMENTS:
            return
        children: list[Node] = []
        kept = {CASED.get(name, name): value or "" for name, value in attrs if name in ATTRIBUTES}
        source = dict(attrs).get("src") or ""
        if tag == "img" and source.startswith("data:image/"):
            kept["src"] = source
        self._open[-1][1].append([tag, kept, children])
        if tag not in VOID:
            self._open.append((tag, children))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Add an element without content, such as ``<path />``."""
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        """End the element, and those in it that were not ended."""
        if tag in UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif not self._unseen and tag in [name for name, _ in self._open]:
            while self._open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        """Add a text."""
        if not self._unseen:
            self._open[-1][1].append(data)
