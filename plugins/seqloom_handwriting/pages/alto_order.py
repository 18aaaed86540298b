"""The lines of ALTO in reading order (https://www.loc.gov/standards/alto/v4/alto-4-3.xsd)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from seqloom_handwriting.pages.markup import Node

Lines = dict[int, tuple[Node, Node]]
"""Where a line starts in the file → its block and its element, in the order of the document."""


def line_nodes(root: Node) -> Iterator[tuple[str, Node, Node]]:
    """Yield the id, the block and the element of each line.

    What the ReadingOrder names comes first, at the first place that it is named; the other lines
    follow in the order of the document.
    """
    lines = {
        node.start: (block, node)
        for block in root.walk()
        if block.name == "TextBlock"
        for node in block.all("TextLine")
    }
    numbers = {start: number for number, start in enumerate(lines, 1)}
    for start in dict.fromkeys(chain(_named(root, lines), lines)):
        block, node = lines[start]
        yield node.get("ID") or f"line_{numbers[start]}", block, node


def _named(root: Node, lines: Lines) -> Iterator[int]:
    """Yield the lines that are named, or are in what is named, or of which a part is."""
    order = root.first("ReadingOrder")
    refs = [ref for part in order.walk() for ref in part.get("REF").split()] if order else []
    if not refs:
        return
    named = set(refs)
    nodes = {node.get("ID"): node for node in root.walk()}
    within = {p.get("ID"): start for start, (_, line) in lines.items() for p in line.walk()}
    for ref in refs:
        if ref in within:
            yield within[ref]
        elif ref in nodes:
            yield from (node.start for node in _own(nodes[ref], named) if node.start in lines)


def _own(node: Node, named: set[str]) -> Iterator[Node]:
    """Yield an element and all in it, but for what is named itself: that has another place."""
    yield node
    for child in node.children:
        if child.get("ID") not in named:
            yield from _own(child, named)
