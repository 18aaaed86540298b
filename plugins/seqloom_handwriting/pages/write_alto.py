"""A page as ALTO 4 (https://www.loc.gov/standards/alto/v4/alto-4-2.xsd)."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement

from seqloom_handwriting.pages.model import Line, Page, Points
from seqloom_handwriting.pages.regions import (
    Box,
    Readings,
    box_around,
    box_of,
    confidence,
    image_name,
    regions,
    text_and_confidence,
)

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
        for line in lines:
            _line(block, line, readings)
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


def _line(block: Element, line: Line, readings: Readings) -> None:
    box = _box(box_of(line.polygon))
    node = SubElement(block, "TextLine", {"ID": line.id} | box)
    if line.baseline:
        node.set("BASELINE", _spaced(line.baseline))
    SubElement(SubElement(node, "Shape"), "Polygon", {"POINTS": _spaced(line.polygon)})
    text, sure = text_and_confidence(line, readings)
    if text is not None:
        string = SubElement(node, "String", {"CONTENT": text} | box)
        if sure is not None:
            string.set("WC", confidence(sure))


def _box(box: Box) -> dict[str, str]:
    left, top, right, bottom = box
    names = {"HPOS": left, "VPOS": top, "WIDTH": right - left, "HEIGHT": bottom - top}
    return {name: f"{value:g}" for name, value in names.items()}


def _spaced(points: Points) -> str:
    return " ".join(f"{x:g} {y:g}" for x, y in points)
