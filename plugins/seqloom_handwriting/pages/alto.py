"""Reading ALTO, versions 2 to 4, and writing version 4 (https://www.loc.gov/standards/alto/)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from xml.etree.ElementTree import Element, SubElement

from seqloom_handwriting.pages.markup import Document, Node, parents
from seqloom_handwriting.pages.model import (
    Box,
    Form,
    Line,
    Outline,
    Page,
    Points,
    Readings,
    angle,
    box_around,
    box_of,
    confidence,
    image_name,
    parse_points,
    quarter,
    regions,
    shared_ids,
    size_of,
    text_and_confidence,
    unique_ids,
)

UNITS = ("pixel", "mm10", "inch1200")


def read_alto(document: Document) -> Page:
    """Return the page of an ALTO document; its lines are in reading order.

    Lines, and those of blocks, that the reading order names (ALTO 4.3) come first; the others
    follow in the order of the document.

    Raises:
        DataError: The document does not have exactly one page, or its size or unit is invalid.
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
        tuple(filter(None, [shared_ids([node.get("ID") for node in _all_lines(root)])])),
    )


def text_of(node: Node, spaced: bool) -> str | None:
    """Return the text of a TextLine, or None if there is none.

    Args:
        node: The TextLine.
        spaced: Whether the file writes SP between words; otherwise it is understood.
    """
    parts = node.all("String", "SP", "HYP")
    words = [" " if part.name == "SP" else part.get("CONTENT") for part in parts]
    # A hyphen belongs to the word before it, without an SP between.
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
    above = parents(root)
    # A file that writes spaces has none where it writes none, as before punctuation.
    spaced = any(line.first("SP") for line in _all_lines(root))
    for ident, block, node in line_nodes(root):
        outline = _outline(node)
        outline.turn = _turn(block, above)
        kinds = [labels[ref] for ref in block.get("TAGREFS").split() if labels.get(ref)]
        yield Line(
            id=ident,
            region=block.get("ID"),
            kind=kinds[0] if kinds else block.get("TYPE"),
            text=text_of(node, spaced),
            number=node.line,
            **outline.finished(height),
        )


def _turn(block: Node, above: Mapping[int, Node]) -> int:
    """Return by how much the text of a block is turned: as it says, or the nearest around it."""
    while not block.get("ROTATION") and block.start in above:
        block = above[block.start]
    return quarter(angle(block.get("ROTATION")))


def _outline(node: Node) -> Outline:
    outline = Outline()
    shape = node.first("Shape")
    polygon = shape.first("Polygon") if shape else None
    box = _sides(node)
    if not all(box):
        box = _around_strings(node) or box
    if polygon is not None:
        outline.read_polygon(polygon.get("POINTS"))
    elif all(box):
        outline.read_polygon(_corners(box))
    if baseline := node.get("BASELINE"):
        outline.read_baseline(_level(baseline, box))
    return outline


def _sides(node: Node) -> list[str]:
    return [node.get(name) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT")]


def _around_strings(line: Node) -> list[str] | None:
    """Return the box around the strings of a line: ALTO 4 does not require one of the line."""
    try:
        corners = [
            corner
            for string in line.all("String")
            if all(_sides(string))
            for corner in parse_points(_corners(_sides(string)))
        ]
    except ValueError:
        return None
    if not corners:
        return None
    left, top, right, bottom = box_of(tuple(corners))
    return [f"{one:g}" for one in (left, top, right - left, bottom - top)]


def _corners(box: list[str]) -> str:
    """Return the corners of a box; what is not a number is kept, and reported as a point."""
    try:
        (x, y), (width, height) = parse_points(" ".join(box))
    except ValueError:
        return " ".join(box)
    return f"{x},{y} {x + width},{y} {x + width},{y + height} {x},{y + height}"


def _level(baseline: str, box: list[str]) -> str:
    """Return a baseline as points; before ALTO 4 it was one number, its height."""
    if len(baseline.split()) > 1 or "," in baseline or not all(box):
        return baseline
    try:
        (x, _), (width, _) = parse_points(" ".join(box))
    except ValueError:
        return baseline
    return f"{x},{baseline} {x + width},{baseline}"


Lines = dict[int, tuple[Node, Node]]
"""Where a line starts in the file → its block and its element, in the order of the document."""


def line_nodes(root: Node) -> Iterator[tuple[str, Node, Node]]:
    """Yield the id, the block and the element of each line.

    What the ReadingOrder names comes first, at the first place that it is named; the other lines
    follow in the order of the document.
    """
    lines = {node.start: (block, node) for block in root.walk() for node in block.all("TextLine")}
    numbers = {start: number for number, start in enumerate(lines, 1)}
    found = [(start, *lines[start]) for start in dict.fromkeys(chain(_named(root, lines), lines))]
    idents = unique_ids(
        [(b.get("ID"), n.get("ID") or f"line_{numbers[start]}") for start, b, n in found]
    )
    for ident, (_, block, node) in zip(idents, found, strict=True):
        yield ident, block, node


def _all_lines(root: Node) -> list[Node]:
    return [node for node in root.walk() if node.name == "TextLine"]


def _named(root: Node, lines: Lines) -> Iterator[int]:
    """Yield the lines that are named, are inside what is named, or have a named element inside."""
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
    """Yield an element and all in it, except named elements: these have another place."""
    yield node
    for child in node.children:
        if child.get("ID") not in named:
            yield from _own(child, named)


ALTO = "http://www.loc.gov/standards/alto/ns-v4#"


def alto_root(page: Page, readings: Readings) -> Element:
    """Return the page as ALTO 4."""
    root = Element("alto", {"xmlns": ALTO})
    description = SubElement(root, "Description")
    SubElement(description, "MeasurementUnit").text = "pixel"
    source = SubElement(description, "sourceImageInformation")
    SubElement(source, "fileName").text = image_name(page)
    tags = _tags(root, page)
    size = {"WIDTH": f"{page.width:g}", "HEIGHT": f"{page.height:g}"}
    sheet = SubElement(SubElement(root, "Layout"), "Page", {"ID": "page_1", "PHYSICAL_IMG_NR": "1"})
    sheet.attrib |= size
    space = SubElement(sheet, "PrintSpace", {"HPOS": "0", "VPOS": "0"} | size)
    for ident, kind, lines in regions(page):
        block = SubElement(space, "TextBlock", {"ID": ident} | _box(box_around(lines)))
        if kind:
            block.set("TAGREFS", tags[kind])
        if lines[0].turn:
            block.set("ROTATION", str(lines[0].turn % 360))
        for line in lines:
            _write_line(block, line, readings)
    return root


def _tags(root: Element, page: Page) -> dict[str, str]:
    """Write the types of regions as tags; return their ids by type."""
    kinds = {kind: f"type_{number}" for number, kind in enumerate(_kinds(page), 1)}
    if kinds:
        tags = SubElement(root, "Tags")
        for kind, ident in kinds.items():
            SubElement(tags, "OtherTag", {"ID": ident, "LABEL": kind})
    return kinds


def _kinds(page: Page) -> list[str]:
    return sorted({line.kind for line in page.lines if line.kind})


def _write_line(block: Element, line: Line, readings: Readings) -> None:
    box = _box(box_of(line.polygon))
    node = SubElement(block, "TextLine", {"ID": line.id} | box)
    if line.baseline:
        node.set("BASELINE", _spaced(line.baseline))
    SubElement(SubElement(node, "Shape"), "Polygon", {"POINTS": _spaced(line.polygon)})
    text, sure = text_and_confidence(line, readings)
    string = SubElement(node, "String", {"CONTENT": text or ""} | box)  # ALTO requires one
    if sure is not None:
        string.set("WC", confidence(sure))


def _box(box: Box) -> dict[str, str]:
    left, top, right, bottom = box
    names = {"HPOS": left, "VPOS": top, "WIDTH": right - left, "HEIGHT": bottom - top}
    return {name: f"{value:g}" for name, value in names.items()}


def _spaced(points: Points) -> str:
    return " ".join(f"{x:g} {y:g}" for x, y in points)
