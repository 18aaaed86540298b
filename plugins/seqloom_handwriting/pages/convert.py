"""Writing a page in the other form: minimal, valid ALTO 4 and PAGE 2019."""

from __future__ import annotations

import logging
from dataclasses import replace
from xml.etree import ElementTree

from seqloom.errors import DataError
from seqloom_handwriting.pages.model import Form, Page
from seqloom_handwriting.pages.regions import Readings
from seqloom_handwriting.pages.splice import legal
from seqloom_handwriting.pages.write_alto import alto_root
from seqloom_handwriting.pages.write_page import page_root

log = logging.getLogger("seqloom")


def as_form(page: Page, readings: Readings, form: Form) -> bytes:
    """Return the page as a document of a form, with the texts of lines replaced by readings.

    Lines that cannot be cut cannot be drawn either: they are left out, and named in the log.

    Raises:
        DataError: the XML does not say the page's size in pixels.
    """
    if page.unit != "pixel" or not page.width:
        raise DataError(
            f"{page.xml}: the page has no size in pixels (its unit is {page.unit}), so it cannot "
            f"be written as {form}; keep its own form, or export it in pixels."
        )
    for line in page.lines:
        if line.fault:
            log.warning("%s:%d: left out: %s.", page.xml, line.number, line.fault)
    page = replace(page, lines=tuple(line for line in page.lines if not line.fault))
    root = (alto_root if form == Form.alto else page_root)(page, readings)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{legal(text)}\n'.encode()
