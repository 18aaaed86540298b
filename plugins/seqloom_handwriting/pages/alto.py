"""Reading ALTO, versions 2 to 4 (https://www.loc.gov/standards/alto/)."""

from __future__ import annotations

from collections.abc import Iterator

from seqloom_handwriting.pages.alto_order import line_nodes
from seqloom_handwriting.pages.geometry import Outline
from seqloom_handwriting.pages.markup import Document, Node
from seqloom_handwriting.pages.model import Form, Line, Page
from seqloom_handwriting.pages.numbers import size_of
from seqloom_handwriting.pages.points import parse_points

UNITS = ("pixel", "mm10", "inch1200")


def read_alto(document: Document) -> Page:
    """Return the page of an ALTO document; its lines stand in reading order.

    Lines, and those of blocks, that the reading order names (ALTO 4.3) come first; the others
    follow in the order of the document.

    Raises:
        DataError: there is not one page, or its size or unit is not understood.
    """
    root = document.root
    page = _only_page(document)
    width, height = size_of(document, page, "WIDTH", "HEIGHT", required=False)
    labels = {
        tag.get("ID"): tag.get("LABEL") or tag.get("TYPE")
        for tags in root.all("Tags")
        for tag in tags.children
    }
    return Page(
        document.path,
        Form.alto,
        _text_at(root, "Description", "sourceImageInformation", "fileName"),
        width,
        height,
        _unit(document),
        tuple(_lines(root, labels, height)),
    )


def text_of(node: Node) -> str | None:
    """Return the text of a TextLine, or None if there is none.

    Strings are words, with SP between them; where no SP is written at all, it is understood.
    """
    parts = node.all("String", "SP", "HYP")
    spaced = any(part.name == "SP" for part in parts)
    words = [" " if part.name == "SP" else part.get("CONTENT") for part in parts]
    # A hyphen belongs to the word before it, and no SP stands between.
    joined = "".join(
        word if spaced or not index or parts[index].name == "HYP" else f" {word}"
        for index, word in enumerate(words)
    )
    return " ".join(joined.split()) or None


def _only_page(document: Document) -> Node:
    pages = [page for layout in document.root.all("Layout") for page in layout.all("Page")]
    if len(pages) != 1:
        raise document.error(
            document.root.line,
            f"the ALTO has {len(pages)} pages; expected one page a file, beside its image.",
        )
    return pages[0]


def _unit(document: Document) -> str:
    unit = _text_at(document.root, "Description", "MeasurementUnit") or "pixel"
    if unit not in UNITS:
        raise document.error(
            document.root.line, f"MeasurementUnit {unit!r}; expected {', '.join(UNITS)}."
        )
    return unit


def _text_at(node: Node | None, *path: str) -> str:
    for name in path:
        node = node.first(name) if node else None
    return node.text.strip() if node else ""


def _lines(root: Node, labels: dict[str, str], height: float) -> Iterator[Line]:
    for ident, block, node in line_nodes(root):
        outline = _outline(node)
        kinds = [labels[ref] for ref in block.get("TAGREFS").split() if labels.get(ref)]
        yield Line(
            id=ident,
            region=block.get("ID"),
            kind=kinds[0] if kinds else block.get("TYPE"),
            text=text_of(node),
            number=node.line,
            **outline.finished(height),
        )


def _outline(node: Node) -> Outline:
    outline = Outline()
    shape = node.first("Shape")
    polygon = shape.first("Polygon") if shape else None
    box = [node.get(name) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT")]
    if polygon is not None:
        outline.read_polygon(polygon.get("POINTS"))
    elif all(box):
        outline.read_polygon(_corners(box))
    if baseline := node.get("BASELINE"):
        outline.read_baseline(_level(baseline, box))
    return outline


def _corners(box: list[str]) -> str:
    """Return the corners of a box; what is no number stays, to be complained of as a point."""
    try:
        (x, y), (width, height) = parse_points(" ".join(box))
    except ValueError:
        return " ".join(box)
    return f"{x},{y} {x + width},{y} {x + width},{y + height} {x},{y + height}"


def _level(baseline: str, box: list[str]) -> str:
    """Return a baseline as points; before ALTO 4 it was one number, the height that it lies at."""
    if len(baseline.split()) > 1 or "," in baseline or not all(box):
        return baseline
    try:
        (x, _), (width, _) = parse_points(" ".join(box))
    except ValueError:
        return baseline
    return f"{x},{baseline} {x + width},{baseline}"
