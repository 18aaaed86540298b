"""Reading PAGE XML, 2010 to 2019, and writing that of 2019.

See https://github.com/PRImA-Research-Lab/PAGE-XML.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement

from seqloom.errors import plural
from seqloom_handwriting.pages.markup import Document, Node, parents
from seqloom_handwriting.pages.model import (
    Form,
    Line,
    Outline,
    Page,
    Points,
    Readings,
    angle,
    box_around,
    confidence,
    image_name,
    quarter,
    regions,
    shared_ids,
    size_of,
    text_and_confidence,
    unique_ids,
)

LAST = 10**9  # the index of what has none
_STRUCTURE = re.compile(r"structure\s*\{[^}]*type:\s*([^;}]+)")
_PLACE = re.compile(r"readingOrder\s*\{[^}]*index:\s*(\d{1,9})\b")


def read_page(document: Document) -> Page:
    """Return the page of a PAGE document; its lines are in reading order.

    Regions that the reading order names come first, each with those inside it that it does not
    name; the others follow. These, and the lines of a region, are in the order of the document, or
    of the ``readingOrder`` in their ``custom`` attribute, as Transkribus writes it.

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
    above = parents(page)
    lines = tuple(
        _line(ident, region, node, height, above) for ident, region, node in line_nodes(page)
    )
    notes = [shared_ids([node.get("id") for node in _all_lines(page)])]
    if outside := len(_all_lines(document.root)) - len(lines):
        are = plural(outside, "TextLine is", "TextLines are")
        notes.append(f"{outside} {are} left out, outside the Page")
    image = page.get("imageFilename")
    return Page(
        document.path, Form.page, image, width, height, "pixel", lines, tuple(filter(None, notes))
    )


def line_nodes(page: Node) -> Iterator[tuple[str, Node, Node]]:
    """Yield the id, the region and the element of each line, in reading order.

    The region is the nearest element around the line that is one: a region of any kind, a cell of
    a table, or else the page. Ids that several lines share are made different; see `unique_ids`.
    """
    numbers = {node.start: number for number, node in enumerate(_all_lines(page), 1)}
    above = parents(page)
    found = [
        (_region_of(place, above), node)
        for place in _in_order(page)
        for node in sorted(place.all("TextLine"), key=_place)
    ]
    idents = unique_ids(
        [(r.get("id"), n.get("id") or f"line_{numbers[n.start]}") for r, n in found]
    )
    for ident, (region, node) in zip(idents, found, strict=True):
        yield ident, region, node


def _all_lines(root: Node) -> list[Node]:
    return [node for node in root.walk() if node.name == "TextLine"]


def _region_of(place: Node, above: Mapping[int, Node]) -> Node:
    while not _is_region(place) and place.start in above:
        place = above[place.start]
    return place


def text_of(node: Node) -> str | None:
    """Return the text of a TextLine, or None: its main TextEquiv, or else those of its words.

    The main one of several has the lowest index, or else the highest confidence; one that states
    none counts as certain.
    """
    text = _equivalent(node)
    if text is None:
        text = " ".join(filter(None, map(_equivalent, node.all("Word"))))
    return " ".join(text.split()) or None


def _equivalent(node: Node) -> str | None:
    found = sorted(node.all("TextEquiv"), key=lambda one: (_index(one, "index"), -_confidence(one)))
    for one in found:
        contents = [content.text for content in (*one.all("Unicode"), *one.all("PlainText"))]
        if contents:
            return next((text for text in contents if text.strip()), "")
    return None


def _index(node: Node, name: str) -> int:
    value = node.get(name)
    return int(value) if re.fullmatch(r"\s*-?\d+\s*", value) else LAST


def _confidence(node: Node) -> float:
    value = node.get("conf").strip()
    return float(value) if re.fullmatch(r"\d*\.?\d+", value) else 1.0


def _place(node: Node) -> int:
    """Return the place in the reading order that an element has by its custom attribute."""
    found = _PLACE.search(node.get("custom"))
    return int(found[1]) if found else LAST


def _in_order(page: Node) -> Iterator[Node]:
    regions = {node.get("id"): node for node in page.walk() if _holds_lines(node)}
    order = page.first("ReadingOrder")
    wanted = [ref for ref in (_references(order) if order else ()) if ref in regions]
    named, seen = set(wanted), set[int]()
    for ref in wanted:
        yield from _unseen(_with_inner(regions[ref], named), seen)
    yield from _unseen(filter(_holds_lines, _with_inner(page, set())), seen)


def _is_region(node: Node) -> bool:
    return node.name.endswith("Region") or node.name in ("TableCell", "Page")


def _holds_lines(node: Node) -> bool:
    """Return whether lines may be in it: a region, or whatever else has some."""
    return _is_region(node) or any(child.name == "TextLine" for child in node.children)


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
    for child in sorted(region.children, key=_place):
        if child.get("id") not in named:
            yield from _with_inner(child, named)


def _unseen(regions: Iterable[Node], seen: set[int]) -> Iterator[Node]:
    for region in regions:
        if region.start not in seen:
            seen.add(region.start)
            yield region


def _line(ident: str, region: Node, node: Node, height: float, above: Mapping[int, Node]) -> Line:
    outline = Outline(turn=_turn(node, above))
    coords, baseline = node.first("Coords"), node.first("Baseline")
    if coords is not None and (points := _points(coords)):
        outline.read_polygon(points)
    if baseline is not None:
        outline.read_baseline(_points(baseline))
    return Line(
        id=ident,
        region=region.get("id"),
        kind=_kind(region, above),
        text=text_of(node),
        number=node.line,
        **outline.finished(height),
    )


def _points(node: Node) -> str:
    """Return the points of an element; before 2013 each was an element of its own."""
    pairs = (f"{one.get('x')},{one.get('y')}" for one in node.all("Point"))
    return node.get("points") or " ".join(pairs)


def _kind(region: Node, above: Mapping[int, Node]) -> str:
    """Return the type of a region; a cell has that of its table, and the page none."""
    if region.name == "Page":
        return ""
    structure = _STRUCTURE.search(region.get("custom"))
    kind = structure[1].strip() if structure else region.get("type")
    if not kind and region.name == "TableCell":
        return _kind(above[region.start], above)
    return kind


def _turn(node: Node, above: Mapping[int, Node]) -> int:
    """Return by how much a line is turned: as the nearest element says that has an orientation.

    ``readingOrientation`` is that of the text against its region.
    """
    reading = 0.0
    while True:
        reading += angle(node.get("readingOrientation"))
        if node.get("orientation") or node.start not in above:
            return quarter(reading + angle(node.get("orientation")))
        node = above[node.start]


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
        if lines[0].turn:
            region.set("orientation", str(lines[0].turn))
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
