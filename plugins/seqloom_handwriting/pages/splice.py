"""Edits of an XML document that leave every other byte of it as it was."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

from seqloom_handwriting.pages.markup import Document, Node

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_START = re.compile(rb"<((?:[^\s:/>]+:)?)([^\s/>]+)")


def legal(text: str) -> str:
    """Return the text with a replacement character for each that XML cannot hold."""
    return _ILLEGAL.sub("\ufffd", text)


def element(name: str, attributes: dict[str, str], content: str = "") -> str:
    """Return an element as text; ``content`` is XML already.

    >>> element("String", {"CONTENT": "a & b"})
    '<String CONTENT="a &amp; b"/>'
    """
    opened = "".join([name, *(f" {key}={quoteattr(legal(v))}" for key, v in attributes.items())])
    return f"<{opened}>{content}</{name}>" if content else f"<{opened}/>"


def escaped(text: str) -> str:
    """Return the text as it stands between tags."""
    return escape(legal(text))


@dataclass
class Splice:
    """Edits that are collected, then made at once."""

    document: Document
    _edits: list[tuple[int, int, bytes]] = field(default_factory=list)

    def prefix(self, node: Node) -> str:
        """Return the namespace prefix that the element's tag is written with, colon included."""
        found = _START.match(self.document.content, node.start)
        return found[1].decode() if found else ""

    def remove(self, node: Node) -> None:
        """Take the element away, with the white space before it."""
        before = self.document.content[: node.start].rstrip(b" \t\r\n")
        self._edits.append((len(before), node.end, b""))

    def replace(self, node: Node, text: str) -> None:
        """Put the text in the element's place."""
        self._edits.append((node.start, node.end, text.encode()))

    def insert(self, parent: Node, before: Node | None, text: str) -> None:
        """Put the text into an element, before one of its children or, if None, at its end."""
        content = self.document.content
        if before is not None:
            self._edits.append((before.start, before.start, text.encode() + self._gap(before)))
        elif parent.close != parent.start:
            last = parent.children[-1] if parent.children else None
            place = last.end if last else parent.close
            gap = self._gap(last) if last else b""
            self._edits.append((place, place, gap + text.encode()))
        else:  # one empty tag, which is opened
            end = content[: parent.end].rindex(b"/")
            name = b"".join(_START.match(content, parent.start).groups())  # type: ignore[union-attr]
            self._edits.append((end, parent.end, b">" + text.encode() + b"</" + name + b">"))

    def _gap(self, node: Node) -> bytes:
        """Return the white space before an element."""
        before = self.document.content[: node.start]
        return before[len(before.rstrip(b" \t\r\n")) :]

    def made(self) -> bytes:
        """Return the edited document in its own encoding."""
        parts, position = [], 0
        for start, end, new in sorted(self._edits, key=lambda edit: edit[:2]):
            parts += [self.document.content[position:start], new]
            position = max(position, end)
        parts.append(self.document.content[position:])
        text = b"".join(parts).decode()
        return text.encode(self.document.encoding, errors="xmlcharrefreplace")
