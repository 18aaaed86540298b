"""Which files of XML there are to read, and where the images of their pages are."""

from __future__ import annotations

import logging
from pathlib import Path, PurePosixPath

from seqloom.data import is_url, local_path
from seqloom.errors import DataError
from seqloom_handwriting.pages.model import Page
from seqloom_handwriting.schemas.data import IMAGES

log = logging.getLogger("seqloom")

NO_PAGES = ("mets.xml", "metadata.xml")  # tables of contents, which lie among exported pages
SEGMENT = (
    "Its lines must be found first: kraken, eScriptorium or Transkribus do that and write ALTO or "
    "PAGE XML"
)


def find_pages(path: str) -> list[Path]:
    """Return the XML files that a path names, sorted: a folder's, or one; or that beside an image.

    Raises:
        DataError: there is no such file, or no XML for it.
    """
    folder = Path(path).expanduser()
    if not is_url(path) and folder.is_dir():
        return _in_folder(folder)
    if path == "-":
        raise DataError("- (standard input) is no page; give ALTO or PAGE XML, or a folder.")
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


def find_image(page: Page) -> Path:
    """Return the image of a page: named as the XML says, or like the XML; beside it or one up.

    Raises:
        ValueError: with a sentence, if there is none.
    """
    named = PurePosixPath(page.image.replace("\\", "/")).name
    names = [named] if named else []
    names += [page.xml.stem + suffix for suffix in IMAGES]
    folders = (page.xml.parent, page.xml.absolute().parent.parent)
    for folder in folders:
        for name in names:
            if (folder / name).is_file():
                return folder / name
    raise ValueError(
        f"the page's image {named or names[0]} is not beside the XML in {folders[0]}, nor in the "
        "folder above; put it there"
    )
