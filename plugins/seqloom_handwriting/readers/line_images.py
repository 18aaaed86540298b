"""Line images with their texts: tables, folders and zip files."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from seqloom.data import SplitConfig, warn_of_unread
from seqloom.errors import ExampleError, plural
from seqloom.interfaces import Example, Origin
from seqloom_handwriting.images.file import ImageFile
from seqloom_handwriting.images.likeness import LineLikeness, compared
from seqloom_handwriting.readers.files import LARGEST_TEXT, Folder
from seqloom_handwriting.readers.named import Named, NamedFileReader
from seqloom_handwriting.schemas.data import IMAGES, OTHER_IMAGES

TEXTS = (".gt.txt", ".txt")  # the first that is there has the text
VERSIONS = (".nrm", ".bin", ".dew")
"""What OCRopus adds to the name of a line's image, the best first: gray, binary, leveled."""


class LineImageReader(NamedFileReader):
    """Reads line images; see `LineImages` for the parameters and `NamedFileReader` for the ids."""

    field = "image"
    suffixes = IMAGES
    archive = ".zip"

    def __init__(
        self,
        *,
        train: str | None = None,
        val: str | None = None,
        test: str | None = None,
        images: str | None = None,
        columns: Mapping[str, str] | None = None,
        split: SplitConfig | Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__({"train": train, "val": val, "test": test}, split, columns, images)
        self._direction = DirectionWarning()
        self._likeness = LineLikeness()

    def examples(self, split: str) -> Iterator[Example | ExampleError]:
        """Return the lines of a split, which are compared with those of splits before it.

        Raises:
            ConfigError: As in `SplitReader.examples`.
            DataError: As in `NamedFileReader.whole`.
        """
        return compared(split, super().examples(split), self._likeness)

    def whole(self, split: str) -> Iterator[Example | ExampleError]:
        """Return the examples of the split's own file; see `NamedFileReader.whole`."""
        return self._direction.check(super().whole(split))

    def value(self, path: str, member: str | None) -> ImageFile:
        """Return the file; see `NamedFileReader.value`."""
        return ImageFile(path, member)

    def in_folder(self, folder: Folder, targets: bool) -> Iterator[Named]:
        """Yield the images of a folder in natural order, each with the text beside it.

        If ``targets`` are required, a text without an image is reported like an image without text,
        and of several versions of an image one is read: a line must not be in two splits.
        """
        names = folder.names()
        warn_of_unread(folder.path, names, OTHER_IMAGES, ".png")
        texts = {_plain(name): name for name in names if name.lower().endswith(TEXTS)}
        images = [name for name in names if name.lower().endswith(IMAGES)]
        bases = {name: _text_base(name, texts) for name in images}
        main = {bases[name]: name for name in sorted(images, key=_rank, reverse=True)}
        others = 0
        for name in names:
            if name in bases and targets and _rank(name) and main[bases[name]] != name:
                others += 1
            elif name in bases:
                yield _image(name, bases[name], folder, texts, targets)
            elif targets and name.lower().endswith(TEXTS) and _base(name) not in main:
                problem = "a text without an image of the same name beside it."
                yield Named(name, Origin(folder.shown(name)), problem=problem)
        if others:
            log.info(
                "%s: %d %s a line, such as .bin.png beside .nrm.png, and %s left out.",
                folder.path,
                others,
                plural(others, "image is another version of", "images are other versions of"),
                plural(others, "is", "are"),
            )


def _image(name: str, base: str, folder: Folder, texts: dict[str, str], targets: bool) -> Named:
    image = Named(name, Origin(folder.shown(name)), folder.place(name))
    beside = [base + suffix for suffix in TEXTS]
    found = next((texts[text] for text in beside if text in texts), None)
    if found is not None:
        _read_text(image, folder, found, targets)
    elif targets:
        wanted = " or ".join(Path(text).name for text in beside)
        image.problem = f"no text beside the image; expected {wanted}.{_page(name, folder)}"
    return image


def _page(name: str, folder: Folder) -> str:
    """Return what to do with an image that has XML beside it."""
    xml = f"{_base(name)}.xml"
    return f" Pages with ALTO or PAGE XML ({xml}) are read by data=pages." if xml in folder else ""


def _read_text(image: Named, folder: Folder, name: str, targets: bool) -> None:
    """Read the text of an image; problems only matter if it is required."""
    problem = None
    try:
        text = folder.read(name, LARGEST_TEXT).decode("utf-8-sig")
        image.values["text"] = text.removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        problem = f"the text {folder.shown(name)} is not UTF-8: {error.reason}."
    except ValueError as error:
        problem = str(error)
    image.problem = problem if targets else None


def _rank(name: str) -> int:
    """Return 0 for an image that is none of the versions of another, or the version's number."""
    base = _base(name).lower()
    return next((rank for rank, one in enumerate(VERSIONS, 1) if base.endswith(one)), 0)


def _text_base(name: str, texts: dict[str, str]) -> str:
    """Return the name of an image's text without its suffix: the image's, or without a version."""
    base = _base(name)
    if not _rank(name) or any(base + suffix in texts for suffix in TEXTS):
        return base
    short = base[: -len(VERSIONS[_rank(name) - 1])]
    return short if any(short + suffix in texts for suffix in TEXTS) else base


def _plain(name: str) -> str:
    """Return the name of a text with its suffix in lower case: ``A.TXT`` is the text of ``A``."""
    base = _base(name)
    return base + name[len(base) :].lower()


def _base(name: str) -> str:
    """Return the name without ``.gt.txt``, ``.txt`` or the suffix of an image."""
    suffix = next(suffix for suffix in (*TEXTS, *IMAGES) if name.lower().endswith(suffix))
    return name[: -len(suffix)]


log = logging.getLogger("seqloom")


class DirectionWarning:
    """Warns of the first example whose text runs from right to left.

    Columns of an image are read from left to right, and CTC keeps that order: the first character
    of a text has to be the leftmost one.
    """

    def __init__(self) -> None:
        self._warned = False

    def check(self, examples: Iterable[Example | ExampleError]) -> Iterator[Example | ExampleError]:
        """Yield the examples unchanged."""
        for example in examples:
            if isinstance(example, Example):
                self._check(example)
            yield example

    def _check(self, example: Example) -> None:
        if not self._warned and runs_leftwards(example.fields.get("text", "")):
            self._warned = True
            log.warning(
                "%s: the text %r has letters that run from right to left, but images are read from "
                "left to right. Such texts can only be learnt if their characters are in the "
                "order of the image (visual order, as a bidi algorithm makes it); predictions then "
                "have that order too. This is shown once.",
                example.origin or example.id,
                example.fields["text"],
            )


def runs_leftwards(text: str) -> bool:
    """Return whether a text has a letter of a script that runs from right to left.

    >>> runs_leftwards("abc 12"), runs_leftwards("\u05d0 12")
    (False, True)
    """
    return any(unicodedata.bidirectional(character) in ("R", "AL") for character in text)
