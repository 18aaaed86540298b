"""From a file of XML to a page, whichever form it has."""

from __future__ import annotations

from pathlib import Path

from seqloom.errors import DataError
from seqloom_handwriting.pages.alto import read_alto
from seqloom_handwriting.pages.markup import Document, read_document
from seqloom_handwriting.pages.model import Form, Page
from seqloom_handwriting.pages.pagexml import read_page

ALTO_SPACES = ("http://www.loc.gov/standards/alto/", "http://schema.ccs-gmbh.com/ALTO")
PAGE_SPACES = ("http://schema.primaresearch.org/PAGE/gts/pagecontent/",)


def read(path: Path) -> Page:
    """Return the page that a file of ALTO or PAGE XML describes.

    Raises:
        DataError: the file is no such XML, or two of its lines have one id.
    """
    return page_of(read_document(path))


def page_of(document: Document) -> Page:
    """Return the page that a document describes; see `read`.

    Raises:
        DataError: the document is neither ALTO nor PAGE, or two of its lines have one id.
    """
    page = read_alto(document) if form_of(document) == Form.alto else read_page(document)
    _check_ids(document, page)
    return page


def form_of(document: Document) -> Form:
    """Return whether the document is ALTO or PAGE.

    Raises:
        DataError: it is neither.
    """
    root = document.root
    if root.name == "alto" and (not root.space or root.space.startswith(ALTO_SPACES)):
        return Form.alto
    if root.name == "PcGts" and root.space.startswith(PAGE_SPACES):
        return Form.page
    raise document.error(
        root.line,
        f"the outermost element is {root.name!r} in the namespace {root.space!r}; expected ALTO "
        "(alto) or PAGE XML (PcGts). Export the page as one of these.",
    )


def _check_ids(document: Document, page: Page) -> None:
    seen: dict[str, int] = {}
    for line in page.lines:
        if line.id in seen:
            raise DataError(
                f"{document.path}:{line.number}: the line has the id {line.id!r}, and so has that "
                f"in line {seen[line.id]} of the file; each needs its own."
            )
        seen[line.id] = line.number
