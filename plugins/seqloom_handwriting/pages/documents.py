"""From paths to pages: which XML files are read, and the form of each."""

from __future__ import annotations

import logging
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from seqloom.data import is_url, local_path
from seqloom.errors import DataError, plural
from seqloom.files import expanded
from seqloom_handwriting.pages.alto import read_alto
from seqloom_handwriting.pages.markup import Document, read_document
from seqloom_handwriting.pages.model import XML_FOLDERS, Form, Page
from seqloom_handwriting.pages.pagexml import read_page
from seqloom_handwriting.schemas.data import IMAGES

ALTO_SPACES = ("http://www.loc.gov/standards/alto/", "http://schema.ccs-gmbh.com/ALTO")
PAGE_SPACES = ("http://schema.primaresearch.org/PAGE/gts/pagecontent/",)


class NotPageError(DataError):
    """XML of another kind, such as TEI or METS."""


def read(path: Path) -> Page:
    """Return the page that a file of ALTO or PAGE XML describes.

    Raises:
        NotPageError: The file is neither ALTO nor PAGE XML.
        DataError: The file cannot be read, or its page has no size.
    """
    return page_of(read_document(path))


def page_of(document: Document) -> Page:
    """Return the page that a document describes; see `read`.

    Raises:
        NotPageError: The document is neither ALTO nor PAGE.
        DataError: The page has no size.
    """
    return read_alto(document) if form_of(document) == Form.alto else read_page(document)


def form_of(document: Document) -> Form:
    """Return whether the document is ALTO or PAGE.

    Raises:
        NotPageError: The document is neither.
    """
    root = document.root
    if root.name == "alto" and (not root.space or root.space.startswith(ALTO_SPACES)):
        return Form.alto
    if root.name == "PcGts" and root.space.startswith(PAGE_SPACES):
        return Form.page
    kind = DataError if root.name in ("alto", "PcGts") else NotPageError
    raise kind(
        f"{document.path}:{root.line}: the outermost element is {root.name!r} in the namespace "
        f"{root.space!r}; expected ALTO (alto) or PAGE XML (PcGts). Export the page as one of "
        "these."
    )


log = logging.getLogger("seqloom")

NO_PAGES = ("mets.xml", "metadata.xml")  # tables of contents among exported pages
SEGMENT = (
    "Its lines must be found first: kraken, eScriptorium or Transkribus do that and write ALTO or "
    "PAGE XML"
)


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file of XML that was found.

    Attributes:
        path: The file.
        name: What its page is called: the file's stem, after those of the folders in which it was
            found if files of the same stem are in several.
        given: Whether the file itself, or its image, was passed, not its folder.
    """

    path: Path
    name: str
    given: bool = False


def find_pages(path: str) -> list[PageFile]:
    """Return the XML files that a path names, sorted: a folder's, or one; or that of an image.

    In a folder without pages, the folders in it are searched.

    Raises:
        DataError: The file does not exist, an image has no XML, or a folder has none.
    """
    folder = expanded(path)
    if not is_url(path) and folder.is_dir():
        return _in_folder(folder)
    if path == "-":
        raise DataError("- (standard input) is not a page. Pass ALTO or PAGE XML, or a folder.")
    file = local_path(path)
    if zipfile.is_zipfile(file):
        raise DataError(f"{path}: a zip file. Unpack it, and pass the folder.")
    if file.suffix.lower() not in IMAGES:
        return [PageFile(file, file.stem, given=True)]
    beside = file.with_suffix(".xml")
    places = (beside, *(file.parent / kind / beside.name for kind in XML_FOLDERS))
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise DataError(f"{path}: a page's image without {beside.name} beside it. {SEGMENT}.")
    return [PageFile(found, found.stem, given=True)]


def find_all(paths: Sequence[str]) -> list[PageFile]:
    """Return the pages of several paths; names that are in several have the path's before them.

    Raises:
        DataError: As in `find_pages`.
    """
    found = [(path, file) for path in dict.fromkeys(paths) for file in find_pages(path)]
    counts = Counter(file.name for _, file in found)
    return [
        replace(file, name=f"{Path(path).stem}/{file.name}")
        if counts[file.name] > 1 and not file.given
        else file
        for path, file in found
    ]


def home_of(xml: Path) -> Path:
    """Return the folder that a page belongs to: the XML's, or that above one named after XML."""
    folder = xml.absolute().parent
    return folder.parent if folder.name.lower() in XML_FOLDERS else folder


def _in_folder(folder: Path) -> list[PageFile]:
    pages = list(_pages_below(folder))
    if not pages:
        images = sum(file.suffix.lower() in IMAGES for file in folder.rglob("*"))
        also = (
            f"; there {plural(images, 'is', 'are')} {images} {plural(images, 'image')}. {SEGMENT}."
            if images
            else "."
        )
        raise DataError(f"{folder}: no XML files of pages in the folder{also}")
    stems = {one.stem for one in pages}
    homes = {one.parent for one in pages} | {home_of(one) for one in pages}
    bare = [
        file.name
        for home in sorted(homes)
        for file in _visible(home)
        if file.suffix.lower() in IMAGES and file.stem not in stems
    ]
    if bare:
        what = plural(len(bare), "image, which is", "images, which are")
        log.warning("%s: no XML for %d %s left out: %s", folder, len(bare), what, bare[0])
    return [PageFile(*pair) for pair in zip(pages, _names(pages, folder), strict=True)]


def _pages_below(folder: Path) -> Iterator[Path]:
    """Yield the XML files in a folder or, if there is no page in it, in the folders in it.

    What lies below pages is something else: older versions, or what was predicted of them.
    """
    found = _visible(folder)
    files = [one for one in found if _is_xml(one) and one.is_file()]
    yield from files
    below = [one for one in found if one.is_dir()]
    if not any(map(_may_be_page, files)):
        for place in below:
            yield from _pages_below(place)
    elif more := sum(_is_xml(file) for place in below for file in place.rglob("*")):
        log.info("%s: %d XML files in subfolders beside its pages are not read", folder, more)


def _visible(folder: Path) -> list[Path]:
    return [one for one in sorted(folder.iterdir()) if not one.name.startswith(".")]


def _is_xml(file: Path) -> bool:
    return file.suffix.lower() == ".xml" and file.name.lower() not in NO_PAGES


START = 4096  # bytes of a file in which the outermost element is, if it is that of a page


def _may_be_page(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            start = stream.read(START).replace(b"\0", b"")  # of UTF-16
    except OSError:
        return True
    return b"alto" in start or b"PcGts" in start


def _names(pages: Sequence[Path], folder: Path) -> list[str]:
    """Return the pages' stems or, where these are not unique, their paths in the folder."""
    stems = [page.stem for page in pages]
    if len(set(stems)) == len(stems):
        return stems
    paths = [page.relative_to(folder).with_suffix("") for page in pages]
    short = ["/".join([*_kept(path.parent.parts), path.name]) for path in paths]
    return short if len(set(short)) == len(short) else [path.as_posix() for path in paths]


def _kept(folders: Sequence[str]) -> list[str]:
    return [name for name in folders if name.lower() not in XML_FOLDERS]
