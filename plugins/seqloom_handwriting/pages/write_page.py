"""A page as PAGE XML of 2019 (https://github.com/PRImA-Research-Lab/PAGE-XML)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement

from seqloom_handwriting.pages.model import Line, Page, Points
from seqloom_handwriting.pages.regions import (
    Readings,
    box_around,
    confidence,
    image_name,
    regions,
    text_and_confidence,
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
    _order(sheet, [ident for ident, _, _ in parts])
    for ident, kind, lines in parts:
        region = SubElement(sheet, "TextRegion", {"id": ident})
        if kind:
            region.set("custom", f"structure {{type:{re.sub('[;{}]', ' ', kind)};}}")
        left, top, right, bottom = box_around(lines)
        _points(region, "Coords", ((left, top), (right, top), (right, bottom), (left, bottom)))
        for line in lines:
            _line(region, line, readings)
    return root


def _order(sheet: Element, regions: list[str]) -> None:
    if regions:
        group = SubElement(SubElement(sheet, "ReadingOrder"), "OrderedGroup", {"id": "order_1"})
        for index, ident in enumerate(regions):
            SubElement(group, "RegionRefIndexed", {"index": str(index), "regionRef": ident})


def _line(region: Element, line: Line, readings: Readings) -> None:
    node = SubElement(region, "TextLine", {"id": line.id})
    _points(node, "Coords", line.polygon)
    if line.baseline:
        _points(node, "Baseline", line.baseline)
    text, sure = text_and_confidence(line, readings)
    if text is not None:
        found = SubElement(node, "TextEquiv")
        if sure is not None:
            found.set("conf", confidence(sure))
        SubElement(found, "Unicode").text = text


def _points(parent: Element, name: str, points: Points) -> None:
    """Write points; the schema wants whole numbers that are not negative."""
    pairs = [(max(0, round(x)), max(0, round(y))) for x, y in points]
    SubElement(parent, name, {"points": " ".join(f"{x},{y}" for x, y in pairs)})
