"""What ``seqloom predict --to alto`` and ``--to page`` write: pages with what was read."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar
from xml.etree import ElementTree

from seqloom.errors import ConfigError, DataError, did_you_mean, plural
from seqloom.files import atomic_file
from seqloom.interfaces import Example, HeadCodec, Prediction, Reader
from seqloom_handwriting.pages import alto, pagexml
from seqloom_handwriting.pages.alto import alto_root
from seqloom_handwriting.pages.documents import PageFile, form_of, page_of
from seqloom_handwriting.pages.markup import (
    Node,
    Splice,
    comment,
    element,
    escaped,
    legal,
    read_document,
)
from seqloom_handwriting.pages.model import SHOWN, Form, Page, Reading, Readings, confidence
from seqloom_handwriting.pages.pagexml import page_root
from seqloom_handwriting.pages.reader import OpenedPage, PageReader


class PageWriter:
    """Writes one file of XML a page into a folder, as soon as the page's last line is read.

    A line that was asked for and could not be read has no text there, but a comment with the
    reason; so have all lines of a page of which none could be read, which is written in the end.
    Lines that were not asked for, of other regions, keep their texts.

    Args:
        out: Folder; created if it does not exist.
        codec: Codec of the head that predicts.

    Raises:
        ConfigError: ``out`` is missing, or is a file.
    """

    form: ClassVar[Form]

    def __init__(self, out: Path | None, codec: HeadCodec) -> None:
        if out is None or (out.exists() and not out.is_dir()):
            found = "--out is missing" if out is None else f"{out} is a file"
            raise ConfigError(
                f"Each page becomes a file of XML, but {found}. Pass a folder: --out FOLDER"
            )
        self._out = out
        self._codec = type(codec).__name__
        self._pages: Sequence[OpenedPage] = ()
        self._page: OpenedPage | None = None
        self._readings: dict[str, Reading] = {}
        self._written: dict[Path, Path] = {}
        self._unread: list[str] = []
        self._emptied: list[str] = []

    def begin(self, reader: Reader) -> None:
        """Take note of the pages that are read.

        Raises:
            ConfigError: The reader reads no pages.
        """
        if not isinstance(reader, PageReader):
            raise ConfigError(
                f"{type(reader).__name__} does not read pages with XML, so there is nothing to "
                "fill in; predict from ALTO or PAGE XML with data=pages."
            )
        self._pages = reader.opened

    def write(self, example: Example, prediction: Prediction) -> None:
        """Write one line; the lines of a page come one after another.

        Raises:
            ConfigError: There is no text in the prediction, or the page would be overwritten
                another file.
            RunError: The page before cannot be written.
        """
        if "text" not in prediction:
            raise ConfigError(
                f"{self._codec} does not predict the text of a line, which is what pages are "
                "filled with; use --to jsonl."
            )
        xml = Path(example.meta["xml"])
        if self._page is None or xml != self._page.file.path:
            self._finish()
            self._start(self._opened(xml))
        self._readings[example.meta["line"]] = (prediction["text"], prediction.get("confidence"))

    def close(self) -> None:
        """Write the last page, and those of which no line was read.

        Raises:
            ConfigError: One of them would be written over another file.
            RunError: One of them cannot be written.
        """
        self._finish()
        for page in self._pages:
            if page.file.path not in self._written.values():
                self._start(page)
                self._finish()
        _warn_of("could not be read, without text in the output", self._unread)
        _warn_of("that had a text, read as empty", self._emptied)

    def _opened(self, xml: Path) -> OpenedPage:
        """Return the page of a file; the reader is at a later one by now."""
        found = (page for page in reversed(self._pages) if page.file.path == xml)
        return next(found, OpenedPage(PageFile(xml, xml.stem)))

    def _finish(self) -> None:
        if self._page is not None:
            page, file = self._page, self._page.file
            unread = {
                ident: problem or "it does not fit the model; see the messages"
                for ident, problem in page.lines.items()
                if ident not in self._readings
            }
            emptied = fill(file.path, self._readings, self._target(file), self.form, unread)
            self._unread += [f"{file.name}/{ident}" for ident in unread]
            self._emptied += [f"{file.name}/{ident}" for ident in emptied]
        self._page, self._readings = None, {}

    def _target(self, file: PageFile) -> Path:
        return self._out / f"{file.name}{file.path.suffix}"

    def _start(self, page: OpenedPage) -> None:
        xml, target = page.file.path, self._target(page.file)
        if target.resolve() == xml.resolve():
            raise ConfigError(
                f"--out {self._out} is the folder of {xml.name}, which would be overwritten. Pass "
                "another folder."
            )
        if target in self._written:
            raise ConfigError(
                f"{xml} and {self._written[target]} would both be written to {target}; predict "
                "from them one at a time, into two folders."
            )
        self._page, self._written[target] = page, xml


def _warn_of(what: str, lines: list[str]) -> None:
    if lines:
        listed = ", ".join(lines[:SHOWN]) + ", …" * (len(lines) > SHOWN)
        log.warning("%d %s %s: %s.", len(lines), plural(len(lines), "line"), what, listed)


class AltoWriter(PageWriter):
    """Writes ALTO; pages in PAGE XML are converted."""

    form = Form.alto


class PageXmlWriter(PageWriter):
    """Writes PAGE XML; pages in ALTO are converted."""

    form = Form.page


_OF_STRING = ("WC", "CC", "CONTENT", "SUBS_TYPE", "SUBS_CONTENT", "HPOS", "VPOS", "WIDTH", "HEIGHT")
_AFTER_TEXT = ("TextStyle", "UserDefined", "UserAttribute", "Labels")


def fill(
    xml: Path,
    readings: Mapping[str, Reading],
    out: Path,
    form: Form | None = None,
    unread: Mapping[str, str] | None = None,
) -> list[str]:
    """Write a copy of a page's XML with the texts of lines replaced by what was read.

    In the XML's own form all else stays byte for byte as it is, except what would contradict the
    new texts: the words of a line with their places, and in PAGE the text of a whole region.
    Otherwise a minimal document of the other form is written: ALTO 4 or PAGE 2019.

    Args:
        xml: The page.
        readings: Readings by the lines' ids; other lines keep their texts.
        out: The file written, whole or not at all.
        form: Form of ``out``; None keeps that of ``xml``.
        unread: Lines that could not be read, by their ids, with the reason: they lose their texts,
            and a comment has the reason.

    Returns:
        The ids of lines that had a text and were read as empty.

    Raises:
        DataError: The page cannot be read or converted, or has no such line.
        RunError: ``out`` cannot be written.
    """
    unread = unread or {}
    document = read_document(xml)
    page = page_of(document)
    known = {line.id for line in page.lines}
    for ident in (readings.keys() | unread.keys()) - known:
        raise DataError(f"{xml}: the page has no line {ident!r}. {did_you_mean(ident, known)}")
    if form is not None and form != form_of(document):
        content = as_form(page, readings, form, unread)
    else:
        splice = Splice(document)
        _fill = _fill_alto if form_of(document) == Form.alto else _fill_page
        _fill(splice, readings, unread)
        content = splice.made()
    with atomic_file(out) as draft:
        draft.write_bytes(content)
    return [line.id for line in page.lines if line.text and not readings.get(line.id, ("-", 0))[0]]


NOTHING: Reading = ("", None)


def _fill_alto(splice: Splice, readings: Mapping[str, Reading], unread: Mapping[str, str]) -> None:
    root = splice.document.root
    references = {node.get("REF"): node for node in root.walk() if node.name == "ElementRef"}
    gone = set[str]()
    for ident, _, node in alto.line_nodes(root):
        if ident in readings or ident in unread:
            reading, remark = readings.get(ident, NOTHING), _remark(ident, unread)
            gone |= _fill_strings(splice, node, reading, remark, references.keys())
    for ident in gone & references.keys():
        splice.remove(references[ident])


def _fill_strings(
    splice: Splice, line: Node, reading: Reading, remark: str, named: Collection[str]
) -> set[str]:
    """Put one String for the whole line in the place of its strings, spaces and hyphens.

    Its id is that of the first string, or else one that the reading order names. It keeps what all
    strings have in common: a style or a tag of one word is not claimed for the line.

    Returns:
        The ids that are no longer there.
    """
    text, sure = reading
    old = line.all("String", "SP", "HYP")
    strings = line.all("String")
    attributes = {
        key: value
        for key, value in (strings[0].attributes if strings else {}).items()
        if key not in _OF_STRING and "}" not in key
        if all(one.get(key) == value for one in strings)
    }
    idents = [one.get("ID") for node in old for one in node.walk() if one.get("ID")]
    first = strings[0].get("ID") if strings else ""
    kept = next((one for one in (first, *idents) if one in named), first)
    if kept:
        attributes["ID"] = kept
    attributes["CONTENT"] = text
    box = {name: line.get(name) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT")}
    attributes |= {name: value for name, value in box.items() if value}
    if sure is not None:
        attributes["WC"] = confidence(sure)
    new = remark + element(f"{splice.prefix(line)}String", attributes)
    if old:
        splice.replace(old[0], new)
    else:
        splice.insert(line, None, new)
    for node in old[1:]:
        splice.remove(node)
    return {*idents} - {kept}


def _fill_page(splice: Splice, readings: Mapping[str, Reading], unread: Mapping[str, str]) -> None:
    changed = {}
    for ident, region, node in pagexml.line_nodes(splice.document.root.all("Page")[0]):
        if ident in readings or ident in unread:
            changed[region.start] = region
            _fill_equivalent(splice, node, *readings.get(ident, NOTHING), _remark(ident, unread))
    for region in changed.values():
        for old in region.all("TextEquiv"):
            splice.remove(old)


def _remark(ident: str, unread: Mapping[str, str]) -> str:
    return f"<!-- {comment(unread[ident])} -->" if ident in unread else ""


def _fill_equivalent(
    splice: Splice, line: Node, text: str, sure: float | None, remark: str
) -> None:
    """Replace the line's words and texts by one TextEquiv, where the schema requires it."""
    for old in line.all("Word", "TextEquiv"):
        splice.remove(old)
    prefix = splice.prefix(line)
    attributes = {} if sure is None else {"conf": confidence(sure)}
    content = f"<{prefix}Unicode>{escaped(text)}</{prefix}Unicode>"
    after = next(iter(line.all(*_AFTER_TEXT)), None)
    splice.insert(line, after, remark + element(f"{prefix}TextEquiv", attributes, content))


log = logging.getLogger("seqloom")


def as_form(
    page: Page, readings: Readings, form: Form, unread: Mapping[str, str] | None = None
) -> bytes:
    """Return the page as a document of a form, with the texts of lines replaced by readings.

    Lines that cannot be cut cannot be drawn either: they are left out, and named in the log.

    Raises:
        DataError: The XML does not have the page's size in pixels.
    """
    if page.unit != "pixel" or not page.width:
        raise DataError(
            f"{page.xml}: the page has no size in pixels (its unit is {page.unit}), so it cannot "
            f"be written as {form}; keep its own form, or export it in pixels."
        )
    for line in page.lines:
        if line.problem:
            log.warning("%s:%d: left out: %s.", page.xml, line.number, line.problem)
    page = replace(page, lines=tuple(line for line in page.lines if not line.problem))
    unread = unread or {}
    readings = {**readings, **dict.fromkeys(unread, NOTHING)}
    root = (alto_root if form == Form.alto else page_root)(page, readings)
    for node in root.iter():
        ident = node.get("id") or node.get("ID") or ""
        if node.tag == "TextLine" and ident in unread:
            node.append(ElementTree.Comment(f" {comment(unread[ident])} "))
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{legal(text)}\n'.encode()
