"""Reading PAGE XML, 2013 to 2019, and writing that of 2019.

See https://github.com/PRImA-Research-Lab/PAGE-XML.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement

from seqloom_handwriting.pages.markup import Document, Node
from seqloom_handwriting.pages.model import (
    Form,
    Line,
    Outline,
    Page,
    Points,
    Readings,
    box_around,
    confidence,
    image_name,
    regions,
    size_of,
    text_and_confidence,
)

LAST = 10**9  # the index of what has none
_STRUCTURE = re.compile(r"structure\s*\{[^}]*type:\s*([^;}]+)")


def read_page(document: Document) -> Page:
    """Return the page of a PAGE document; its lines are in reading order.

    Regions that the reading order names come first, each with those inside it that it does not
    name; the others follow in the order of the document.

    Raises:
        DataError: The document does not have exactly one page, or the page has no size.
    """
    pages = document.root.all("Page")
    if len(pages) != 1:
        raise document.error(
            document.root.line, f"the PAGE XML has {len(pages)} pages; expected one page a file."
        )
    page = pages[0]
    width, height = size_of(document, page, "imageWidth", "imageHeight", required=True)
    lines = tuple(_line(ident, region, node, height) for ident, region, node in line_nodes(page))
    return Page(document.path, Form.page, page.get("imageFilename"), width, height, "pixel", lines)


def line_nodes(page: Node) -> Iterator[tuple[str, Node, Node]]:
    """Yield the id, the region and the element of each line, in reading order."""
    numbers = {
        node.start: number
        for number, node in enumerate((n for n in page.walk() if n.name == "TextLine"), 1)
    }
    for region in _in_order(page):
        for node in region.all("TextLine"):
            yield node.get("id") or f"line_{numbers[node.start]}", region, node


def text_of(node: Node) -> str | None:
    """Return the text of a TextLine, or None: its main TextEquiv, or else those of its words.

    The main one of several has the lowest index.
    """
    text = _equivalent(node)
    if text is None:
        text = " ".join(filter(None, map(_equivalent, node.all("Word"))))
    return " ".join(text.split()) or None


def _equivalent(node: Node) -> str | None:
    found = sorted(node.all("TextEquiv"), key=lambda one: _index(one, "index"))
    for one in found:
        for content in (*one.all("Unicode"), *one.all("PlainText")):
            return content.text
    return None


def _index(node: Node, name: str) -> int:
    value = node.get(name)
    return int(value) if re.fullmatch(r"\s*-?\d+\s*", value) else LAST


def _in_order(page: Node) -> Iterator[Node]:
    regions = {node.get("id"): node for node in page.walk() if _is_region(node)}
    order = page.first("ReadingOrder")
    wanted = [ref for ref in (_references(order) if order else ()) if ref in regions]
    named, seen = set(wanted), set[int]()
    for ref in wanted:
        yield from _unseen(_with_inner(regions[ref], named), seen)
    yield from _unseen((node for node in page.walk() if _is_region(node)), seen)


def _is_region(node: Node) -> bool:
    return node.name.endswith("Region")


def _references(group: Node) -> Iterator[str]:
    """Yield the regions that a reading order names, down through its groups."""
    ordered = group.name in ("OrderedGroup", "OrderedGroupIndexed")
    parts = [part for part in group.children if part.name.startswith(_PARTS)]
    for part in sorted(parts, key=lambda one: _index(one, "index")) if ordered else parts:
        if part.get("regionRef"):
            yield part.get("regionRef")
        yield from _references(part)


_PARTS = ("RegionRef", "OrderedGroup", "UnorderedGroup")


def _with_inner(region: Node, named: set[str]) -> Iterator[Node]:
    yield region
    for child in region.children:
        if _is_region(child) and child.get("id") not in named:
            yield from _with_inner(child, named)


def _unseen(regions: Iterable[Node], seen: set[int]) -> Iterator[Node]:
    for region in regions:
        if region.start not in seen:
            seen.add(region.start)
            yield region


def _line(ident: str, region: Node, node: Node, height: float) -> Line:
    outline = Outline()
    coords, baseline = node.first("Coords"), node.first("Baseline")
    if coords is not None and coords.get("points"):
        outline.read_polygon(coords.get("points"))
    if baseline is not None:
        outline.read_baseline(baseline.get("points"))
    structure = _STRUCTURE.search(region.get("custom"))
    return Line(
        id=ident,
        region=region.get("id"),
        kind=structure[1].strip() if structure else region.get("type"),
        text=text_of(node),
        number=node.line,
        **outline.finished(height),
    )


PAGE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"


def page_root(page: Page, readings: Readings) -> Element:
    """Return the page as PAGE XML."""
    root = Element("PcGts", {"xmlns": PAGE})
    metadata = SubElement(root, "Metadata")
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for name, text in {"Creator": "seqloom", "Created": now, "LastChange": now}.items():
        SubElement(metadata, name).text = text
    sheet = SubElement(root, "Page", {"imageFilename": image_name(page)})
    sheet.attrib |= {"imageWidth": f"{page.width:.0f}", "imageHeight": f"{page.height:.0f}"}
    parts = list(regions(page))
    _write_order(sheet, [ident for ident, _, _ in parts])
    for ident, kind, lines in parts:
        region = SubElement(sheet, "TextRegion", {"id": ident})
        if kind:
            region.set("custom", f"structure {{type:{re.sub('[;{}]', ' ', kind)};}}")
        left, top, right, bottom = box_around(lines)
        _write_points(
            region, "Coords", ((left, top), (right, top), (right, bottom), (left, bottom))
        )
        for line in lines:
            _write_line(region, line, readings)
    return root


def _write_order(sheet: Element, regions: list[str]) -> None:
    if regions:
        group = SubElement(SubElement(sheet, "ReadingOrder"), "OrderedGroup", {"id": "order_1"})
        for index, ident in enumerate(regions):
            SubElement(group, "RegionRefIndexed", {"index": str(index), "regionRef": ident})


def _write_line(region: Element, line: Line, readings: Readings) -> None:
    node = SubElement(region, "TextLine", {"id": line.id})
    _write_points(node, "Coords", line.polygon)
    if line.baseline:
        _write_points(node, "Baseline", line.baseline)
    text, sure = text_and_confidence(line, readings)
    if text is not None:
        found = SubElement(node, "TextEquiv")
        if sure is not None:
            found.set("conf", confidence(sure))
        SubElement(found, "Unicode").text = text


def _write_points(parent: Element, name: str, points: Points) -> None:
    """Write points; the schema requires integers from 0 up."""
    pairs = [(max(0, round(x)), max(0, round(y))) for x, y in points]
    SubElement(parent, name, {"points": " ".join(f"{x},{y}" for x, y in pairs)})
