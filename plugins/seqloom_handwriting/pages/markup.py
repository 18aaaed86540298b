"""XML as a small tree that knows where in the file each element is, and edits of the file.

Built on expat, without its dangers: a document that declares entities is refused, so that none can
blow up or bring in other files.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from seqloom.errors import Cause, DataError
from seqloom.files import read_limited
from seqloom_handwriting.readers.files import LARGEST_XML

DEEPEST = 100  # levels of elements; what is deeper is not a page
MOST_NODES = 200_000  # elements; a page with all of its glyphs has a quarter
_TAG = re.compile(rb"""<[^<>"']*(?:"[^"]*"[^<>"']*|'[^']*'[^<>"']*)*>""")
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*encoding\s*=\s*["']([\w.-]+)["']""")
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


@dataclass(slots=True)
class Node:
    """An element.

    Attributes:
        name: Without its namespace.
        space: The namespace, or nothing.
        attributes: Values by name; those in namespaces as ``{namespace}name``.
        line: Line of the file where it starts, from 1.
        start: Offset of its start tag in the document's UTF-8 bytes.
        close: Offset of its end tag; its own ``start`` if it is one empty tag.
        end: Offset after it.
        text: Directly in it, before, between and after its children.
    """

    name: str
    space: str
    attributes: dict[str, str]
    line: int
    start: int
    close: int = 0
    end: int = 0
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def get(self, name: str) -> str:
        """Return an attribute, or nothing if it is not there."""
        return self.attributes.get(name, "")

    def all(self, *names: str) -> list[Node]:
        """Return the children of these names, in their order."""
        return [child for child in self.children if child.name in names]

    def first(self, name: str) -> Node | None:
        """Return the first child of the name."""
        return next(iter(self.all(name)), None)

    def walk(self) -> Iterator[Node]:
        """Yield this element and all in it, in the order of the document."""
        yield self
        for child in self.children:
            yield from child.walk()


def parents(root: Node) -> dict[int, Node]:
    """Return the element around each element inside the root, by the offset of its start tag."""
    return {child.start: node for node in root.walk() for child in node.children}


@dataclass(frozen=True)
class Document:
    """A file of XML.

    Attributes:
        path: Path of the file.
        content: The whole of it in UTF-8, which the offsets of nodes count in.
        encoding: Encoding of the file.
        root: Its outermost element.
    """

    path: Path
    content: bytes
    encoding: str
    root: Node

    def error(self, line: int, problem: str) -> DataError:
        """Return the error for a line of the file."""
        return DataError(f"{self.path}:{line}: {problem}")


def read_document(path: Path) -> Document:
    """Return the XML in a file.

    Raises:
        DataError: The file cannot be read, is not well-formed, or declares entities.
    """
    try:
        raw = read_limited(path, LARGEST_XML)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}.") from None
    encoding = _encoding(raw)
    try:
        content = raw.decode(encoding).encode()
    except (UnicodeError, LookupError) as error:
        raise DataError(
            f"{path}:1: the file is not in {encoding}, its declared encoding or XML's default: "
            f"{error}. Save it as UTF-8."
        ) from None
    return Document(path, content, encoding, _Builder(path, content).build())


def _encoding(raw: bytes) -> str:
    for bom, name in _BOMS.items():
        if raw.startswith(bom):
            return name
    declared = _DECLARED.match(raw[:400])
    return declared[1].decode() if declared else "utf-8"


class _Builder:
    """Builds the tree from expat's events."""

    def __init__(self, path: Path, content: bytes) -> None:
        self._path = path
        self._content = content
        self._stack = [Node("", "", {}, 0, 0)]
        self._texts: list[list[str]] = [[]]  # joined at the end: adding to a long one takes time
        self._count = 0
        self._parser = parser = expat.ParserCreate("UTF-8", "}")
        parser.buffer_text = True
        parser.StartElementHandler = self._open
        parser.EndElementHandler = self._close
        parser.CharacterDataHandler = self._characters
        parser.EntityDeclHandler = self._refuse
        parser.SkippedEntityHandler = self._refuse

    def build(self) -> Node:
        try:
            self._parser.Parse(self._content, True)
        except expat.ExpatError as error:
            raise DataError(
                f"{self._path}:{error.lineno}: not well-formed XML: "
                f"{expat.ErrorString(error.code)} (column {error.offset + 1}). Export it again.",
                cause=Cause.not_parsed,
            ) from None
        return self._stack[0].children[0]

    def _open(self, name: str, attributes: dict[str, str]) -> None:
        space, _, local = name.rpartition("}")
        line, start = self._parser.CurrentLineNumber, self._parser.CurrentByteIndex
        if len(self._stack) > DEEPEST:
            raise DataError(
                f"{self._path}:{line}: elements are nested {DEEPEST} deep; this is not "
                "ALTO or PAGE XML."
            )
        self._count += 1
        if self._count > MOST_NODES:
            raise DataError(
                f"{self._path}:{line}: more than {MOST_NODES} elements; this is not a page."
            )
        node = Node(local, space, attributes, line, start)
        self._stack[-1].children.append(node)
        self._stack.append(node)
        self._texts.append([])

    def _close(self, _: str) -> None:
        node = self._stack.pop()
        node.text = "".join(self._texts.pop())
        # For an empty tag, expat reports an end behind it: the place of whatever follows.
        empty = self._tag_end(node.start)
        if self._content[empty - 2 : empty] == b"/>":
            node.close, node.end = node.start, empty
        else:
            node.close = self._parser.CurrentByteIndex
            node.end = self._tag_end(node.close)

    def _tag_end(self, start: int) -> int:
        tag = _TAG.match(self._content, start)
        return tag.end() if tag else start

    def _characters(self, text: str) -> None:
        self._texts[-1].append(text)

    def _refuse(self, name: str, *_: object) -> None:
        raise DataError(
            f"{self._path}:{self._parser.CurrentLineNumber}: the document declares or uses the "
            f"entity {name!r}. Page XML needs no entities, and these can read other files or fill "
            "the memory, so they are refused; remove the <!DOCTYPE …> and write the text itself."
        )


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
    """Return the text as it is written between tags."""
    return escape(legal(text))


def comment(problem: str) -> str:
    """Return the comment for a line that was not read, without what may not be in one.

    >>> comment("the --box-- is empty")
    'not read: the - -box- - is empty'
    """
    return legal(f"not read: {problem}").replace("--", "- -").rstrip("-")


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
