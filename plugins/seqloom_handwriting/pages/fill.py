"""Filling what was read into a page's XML."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from seqloom.errors import DataError, did_you_mean
from seqloom.files import atomic_file
from seqloom_handwriting.pages import alto_order, pagexml
from seqloom_handwriting.pages.convert import as_form
from seqloom_handwriting.pages.markup import Node, read_document
from seqloom_handwriting.pages.model import Form
from seqloom_handwriting.pages.reading import form_of, page_of
from seqloom_handwriting.pages.regions import Reading, confidence
from seqloom_handwriting.pages.splice import Splice, element, escaped

_OF_STRING = ("WC", "CC", "CONTENT", "SUBS_TYPE", "SUBS_CONTENT", "HPOS", "VPOS", "WIDTH", "HEIGHT")
_AFTER_TEXT = ("TextStyle", "UserDefined", "UserAttribute", "Labels")


def fill(xml: Path, readings: Mapping[str, Reading], out: Path, form: Form | None = None) -> None:
    """Write a copy of a page's XML with the texts of lines replaced by what was read.

    In the XML's own form all else stays byte for byte as it is, except what would contradict the
    new texts: the words of a line with their places, and in PAGE the text of a whole region.
    Otherwise a minimal document of the other form is written: ALTO 4 or PAGE 2019.

    Args:
        xml: the page.
        readings: by the lines' ids; lines that are not among them keep their texts.
        out: the file written, whole or not at all.
        form: of ``out``; None is that of ``xml``.

    Raises:
        DataError: the page cannot be read or converted, or has no such line.
        RunError: ``out`` cannot be written.
    """
    document = read_document(xml)
    page = page_of(document)
    known = {line.id for line in page.lines}
    for ident in readings.keys() - known:
        raise DataError(f"{xml}: the page has no line {ident!r}. {did_you_mean(ident, known)}")
    if form is not None and form != form_of(document):
        content = as_form(page, readings, form)
    else:
        splice = Splice(document)
        _fill = _fill_alto if form_of(document) == Form.alto else _fill_page
        _fill(splice, readings)
        content = splice.made()
    with atomic_file(out) as draft:
        draft.write_bytes(content)


def _fill_alto(splice: Splice, readings: Mapping[str, Reading]) -> None:
    for ident, _, node in alto_order.line_nodes(splice.document.root):
        if ident in readings:
            _fill_strings(splice, node, *readings[ident])


def _fill_strings(splice: Splice, line: Node, text: str, sure: float | None) -> None:
    """Put one String for the whole line in the place of its strings, spaces and hyphens."""
    old = line.all("String", "SP", "HYP")
    first = line.first("String")
    kept = first.attributes if first else {}
    attributes = {k: v for k, v in kept.items() if k not in _OF_STRING and "}" not in k}
    attributes["CONTENT"] = text
    box = {name: line.get(name) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT")}
    attributes |= {name: value for name, value in box.items() if value}
    if sure is not None:
        attributes["WC"] = confidence(sure)
    new = element(f"{splice.prefix(line)}String", attributes)
    if old:
        splice.replace(old[0], new)
    else:
        splice.insert(line, None, new)
    for node in old[1:]:
        splice.remove(node)


def _fill_page(splice: Splice, readings: Mapping[str, Reading]) -> None:
    changed = {}
    for ident, region, node in pagexml.line_nodes(splice.document.root.all("Page")[0]):
        if ident in readings:
            changed[region.start] = region
            _fill_equivalent(splice, node, *readings[ident])
    for region in changed.values():
        for old in region.all("TextEquiv"):
            splice.remove(old)


def _fill_equivalent(splice: Splice, line: Node, text: str, sure: float | None) -> None:
    """Put one TextEquiv in the place of the line's words and texts, where the schema wants it."""
    for old in line.all("Word", "TextEquiv"):
        splice.remove(old)
    prefix = splice.prefix(line)
    attributes = {} if sure is None else {"conf": confidence(sure)}
    content = f"<{prefix}Unicode>{escaped(text)}</{prefix}Unicode>"
    after = next(iter(line.all(*_AFTER_TEXT)), None)
    splice.insert(line, after, element(f"{prefix}TextEquiv", attributes, content))
