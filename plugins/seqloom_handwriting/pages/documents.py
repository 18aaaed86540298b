"""From paths to pages: which XML files are read, and the form of each."""

from __future__ import annotations

import logging
from pathlib import Path

from seqloom.data import is_url, local_path
from seqloom.errors import DataError
from seqloom_handwriting.pages.alto import read_alto
from seqloom_handwriting.pages.markup import Document, read_document
from seqloom_handwriting.pages.model import Form, Page
from seqloom_handwriting.pages.pagexml import read_page
from seqloom_handwriting.schemas.data import IMAGES

ALTO_SPACES = ("http://www.loc.gov/standards/alto/", "http://schema.ccs-gmbh.com/ALTO")
PAGE_SPACES = ("http://schema.primaresearch.org/PAGE/gts/pagecontent/",)


def read(path: Path) -> Page:
    """Return the page that a file of ALTO or PAGE XML describes.

    Raises:
        DataError: The file is neither ALTO nor PAGE XML, or two of its lines have the same id.
    """
    return page_of(read_document(path))


def page_of(document: Document) -> Page:
    """Return the page that a document describes; see `read`.

    Raises:
        DataError: The document is neither ALTO nor PAGE, or two of its lines have the same id.
    """
    page = read_alto(document) if form_of(document) == Form.alto else read_page(document)
    _check_ids(document, page)
    return page


def form_of(document: Document) -> Form:
    """Return whether the document is ALTO or PAGE.

    Raises:
        DataError: The document is neither.
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


log = logging.getLogger("seqloom")

NO_PAGES = ("mets.xml", "metadata.xml")  # tables of contents among exported pages
SEGMENT = (
    "Its lines must be found first: kraken, eScriptorium or Transkribus do that and write ALTO or "
    "PAGE XML"
)


def find_pages(path: str) -> list[Path]:
    """Return the XML files that a path names, sorted: a folder's, or one; or that beside an image.

    Raises:
        DataError: The file does not exist, or an image has no XML.
    """
    folder = Path(path).expanduser()
    if not is_url(path) and folder.is_dir():
        return _in_folder(folder)
    if path == "-":
        raise DataError("- (standard input) is not a page. Pass ALTO or PAGE XML, or a folder.")
    file = local_path(path)
    if file.suffix.lower() not in IMAGES:
        return [file]
    beside = file.with_suffix(".xml")
    if not beside.is_file():
        raise DataError(f"{path}: a page's image without {beside.name} beside it. {SEGMENT}.")
    return [beside]


def _in_folder(folder: Path) -> list[Path]:
    found = [one for one in sorted(folder.iterdir()) if not one.name.startswith(".")]
    pages = [
        one for one in found if one.suffix.lower() == ".xml" and one.name.lower() not in NO_PAGES
    ]
    stems = {one.stem for one in pages}
    images = [one.name for one in found if one.suffix.lower() in IMAGES]
    bare = [name for name in images if Path(name).stem not in stems]
    if not pages:
        also = f"; there are {len(images)} images. {SEGMENT}." if images else "."
        raise DataError(f"{folder}: no XML files of pages in the folder{also}")
    if bare:
        log.warning("%s: no XML for %d images, which are left out: %s", folder, len(bare), bare[0])
    return pages
