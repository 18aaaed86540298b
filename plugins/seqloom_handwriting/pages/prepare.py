"""``seqloom prepare``: pages in, a set of line images out."""

from __future__ import annotations

import argparse
import io
import sys
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import numpy as np
from PIL import Image

from seqloom.errors import DataError, ExampleError
from seqloom.files import atomic_file
from seqloom.interfaces import Example
from seqloom_handwriting.pages.cut import Gray
from seqloom_handwriting.pages.reader import PageReader, UntranscribedError

COLUMNS = ("image", "page", "width", "height", "text")
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date of zip files: equal lines give equal bytes


def prepare(arguments: list[str]) -> int:
    """Cut a folder of pages into line images with a table, for ``data=line_images``."""
    options = _parser().parse_args(arguments)
    source = PageReader(
        test=options.folder,
        height=options.height,
        straighten=not options.no_straighten,
        regions=options.regions,
    )
    skipped: list[ExampleError] | None = [] if options.skip_bad else None
    bare: list[UntranscribedError] = []
    table, archive = (options.out.with_name(options.out.name + end) for end in (".tsv", ".zip"))
    with atomic_file(table) as rows, atomic_file(archive) as images:
        lines = _usable(source, skipped, bare)
        counts = write_lines(lines, rows, images, options.levels)
        if bare and not counts:
            raise DataError(
                f"{options.folder}: none of the {len(bare)} lines has a text; transcribe some."
            )
    for error in skipped or ():
        print(f"Skipped: {error}", file=sys.stderr)
    print(
        f"{counts.total()} lines of {len(counts)} pages in {table} and {archive.name}; left out: "
        f"{len(bare)} without a text, {len(skipped or ())} unusable.\n"
        f"Train with data=line_images data.train={table}"
    )
    return 0


def write_lines(
    examples: Iterator[Example], table: Path, archive: Path, levels: int
) -> Counter[str]:
    """Write line images and the table that names them; return the number of lines by page.

    Args:
        examples: Examples with the fields ``image`` and ``text``.
        table: The file with a row for each line.
        archive: The zip file with a PNG for each line; not compressed again.
        levels: Gray levels of the images.
    """
    counts = Counter[str]()
    with (
        table.open("w", encoding="utf-8", newline="\n") as rows,
        zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as images,
    ):
        _write_row(rows, *COLUMNS)
        for example in examples:
            page = example.meta["page"]
            name = f"{page}_{counts[page]:03d}.png"
            counts[page] += 1
            image = quantised(example.fields["image"], levels)
            images.writestr(_member(name), _png(image))
            height, width = image.shape
            _write_row(rows, name, page, width, height, _one_line(example.fields["text"]))
    return counts


def quantised(image: Gray, levels: int) -> Gray:
    """Return the image with so many gray levels, evenly from 0 to 255.

    >>> quantised(np.array([[0, 100, 255]], np.uint8), 16).tolist()
    [[0, 102, 255]]
    """
    step = 255 / (levels - 1)
    return np.asarray(np.round(np.round(image / step) * step), np.uint8)


def _usable(
    source: PageReader, skipped: list[ExampleError] | None, bare: list[UntranscribedError]
) -> Iterator[Example]:
    """Yield the lines with a text; those without one go to ``bare``, unusable ones to ``skipped``.

    Raises:
        DataError: A line is unusable, and ``skipped`` is None.
    """
    for found in source.examples("test"):
        if isinstance(found, Example):
            yield found
        elif isinstance(found, UntranscribedError):
            bare.append(found)
        elif skipped is None:
            raise DataError(f"{found} To skip such examples: --skip-bad") from found
        else:
            skipped.append(found)


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="seqloom prepare",
        description="Cut pages with ALTO or PAGE XML into line images: OUT.zip and OUT.tsv, which "
        "data=line_images reads. Run it once per split.",
        epilog="Example: seqloom prepare pages scans/train lines/train --levels 16",
    )
    parser.add_argument("kind", choices=("pages",), help="kind of input")
    parser.add_argument(
        "folder", metavar="FOLDER", help="folder with XML files and images, or one XML file"
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="output files, without suffix")
    parser.add_argument(
        "--height", type=_height, default=64, help="height of the images in pixels (default: 64)"
    )
    parser.add_argument(
        "--levels", type=_levels, default=256, help="levels of gray (default: 256); 16 saves space"
    )
    parser.add_argument(
        "--no-straighten", action="store_true", help="cut boxes instead of following the baselines"
    )
    parser.add_argument(
        "--regions",
        nargs="+",
        default=[],
        metavar="TYPE",
        help="only these types of regions, such as MainZone",
    )
    parser.add_argument(
        "--skip-bad", action="store_true", help="leave out lines that cannot be used"
    )
    return parser


def _height(text: str) -> int:
    return _between(text, 1, 4096)


def _levels(text: str) -> int:
    return _between(text, 2, 256)


def _between(text: str, least: int, most: int) -> int:
    if not text.isdecimal() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
    return int(text)
