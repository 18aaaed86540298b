"""A set of line images: a table, and a zip file with the images."""

from __future__ import annotations

import io
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import numpy as np
from PIL import Image

from seqloom.files import atomic_file
from seqloom.interfaces import Example
from seqloom_handwriting.pages.cut import Gray

COLUMNS = ("image", "page", "width", "height", "text")
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date of zip files: equal lines give equal bytes


class LineSet:
    """A table of lines and the zip file with their images, while they are written.

    Attributes:
        table: Where the table will be.
        shown: Both files, for messages.
        counts: Number of lines by page.
    """

    def __init__(self, out: Path, rows: TextIO, images: zipfile.ZipFile, levels: int) -> None:
        self.table = out.with_name(f"{out.name}.tsv")
        self.shown = f"{self.table} and {out.name}.zip"
        self.counts = Counter[str]()
        self._rows, self._images, self._levels = rows, images, levels
        _write_row(rows, *COLUMNS)

    @classmethod
    @contextmanager
    def create(cls, out: Path, levels: int) -> Iterator[LineSet]:
        """Open both files, named as ``out``; nothing of them is left if there is an error.

        Args:
            out: The files' path without a suffix.
            levels: Gray levels of the images.
        """
        table, archive = (out.with_name(out.name + end) for end in (".tsv", ".zip"))
        with (
            atomic_file(table) as rows_draft,
            atomic_file(archive) as images_draft,
            rows_draft.open("w", encoding="utf-8", newline="\n") as rows,
            zipfile.ZipFile(images_draft, "w", zipfile.ZIP_STORED) as images,
        ):
            yield cls(out, rows, images, levels)

    def add(self, example: Example) -> None:
        """Write a line: an example with the fields ``image`` and ``text``."""
        page = example.meta["page"]
        name = f"{page}_{self.counts[page]:03d}.png"
        self.counts[page] += 1
        image = quantised(example.fields["image"], self._levels)
        self._images.writestr(_member(name), _png(image))  # not compressed again
        height, width = image.shape
        _write_row(self._rows, name, page, width, height, _one_line(example.fields["text"]))


def quantised(image: Gray, levels: int) -> Gray:
    """Return the image with so many gray levels, evenly from 0 to 255.

    >>> quantised(np.array([[0, 100, 255]], np.uint8), 16).tolist()
    [[0, 102, 255]]
    """
    step = 255 / (levels - 1)
    return np.asarray(np.round(np.round(image / step) * step), np.uint8)


def _write_row(rows: TextIO, *cells: str | int) -> None:
    rows.write("\t".join(map(str, cells)) + "\n")


def _one_line(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, EPOCH)
    info.create_system, info.external_attr = 3, 0o644 << 16  # the same on every system
    return info


def _png(image: Gray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG", optimize=True)
    return stream.getvalue()
