"""Small data for the conformance checks of the readers, written into a folder."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np

SPLITS = ("train", "val", "test")
TEXTS = ("one line", "and another", "the last")
LABELS = "abab"
HEIGHT = 24
ALTO = "http://www.loc.gov/standards/alto/ns-v4#"


def line_images(folder: Path) -> dict[str, Any]:
    """Return parameters of ``data=line_images``: a folder, a table with one, and a zip file."""
    for split in SPLITS:
        _line_folder(folder / split)
    _table(folder / "val.tsv", ("image", "text"), [(f"{n}.png", t) for n, t in enumerate(TEXTS)])
    for text in (folder / "val").glob("*.gt.txt"):
        text.unlink()
    with zipfile.ZipFile(folder / "test.zip", "w") as packed:
        for file in sorted((folder / "test").iterdir()):
            packed.write(file, file.name)
            file.unlink()
    (folder / "test").rmdir()
    paths = ("train", "val.tsv", "test.zip")
    return {split: str(folder / path) for split, path in zip(SPLITS, paths, strict=True)}


def _line_folder(folder: Path) -> None:
    folder.mkdir()
    for number, text in enumerate(TEXTS):
        _image(folder / f"{number}.png", len(text), lines=1)
        (folder / f"{number}.gt.txt").write_text(f"{text}\n", encoding="utf-8")


def pages(folder: Path) -> dict[str, Any]:
    """Return parameters of ``data=pages``: a folder with a page of ALTO for each split."""
    for split in SPLITS:
        place = folder / split
        place.mkdir()
        _image(place / f"{split}-page.png", max(map(len, TEXTS)), lines=len(TEXTS))
        (place / f"{split}-page.xml").write_bytes(_alto(f"{split}-page.png"))
    return {split: str(folder / split) for split in SPLITS}


def _alto(image: str) -> bytes:
    """Return a page in which each line has a box of its own, and its line of the file."""
    root = ET.Element("alto", {"xmlns": ALTO})
    description = ET.SubElement(root, "Description")
    ET.SubElement(description, "MeasurementUnit").text = "pixel"
    source = ET.SubElement(description, "sourceImageInformation")
    ET.SubElement(source, "fileName").text = image
    layout = ET.SubElement(root, "Layout")
    page = ET.SubElement(ET.SubElement(layout, "Page", {"ID": "page"}), "PrintSpace")
    block = ET.SubElement(page, "TextBlock", {"ID": "block"})
    for number, text in enumerate(TEXTS):
        box = {"HPOS": "0", "VPOS": str(number * HEIGHT), "HEIGHT": str(HEIGHT)}
        width = {"WIDTH": str(len(text) * HEIGHT // 2)}
        line = ET.SubElement(block, "TextLine", {"ID": f"line-{number}", **box, **width})
        ET.SubElement(line, "String", {"CONTENT": text})
    ET.indent(root)
    content: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return content


def strokes(folder: Path) -> dict[str, Any]:
    """Return parameters of ``data=strokes``: tables."""
    rows = [(_strokes(number), label) for number, label in enumerate(LABELS)]
    return _tables(folder, ("strokes", "label"), rows)


def stroke_strings(folder: Path) -> dict[str, Any]:
    """Return parameters of ``data=stroke_strings``: characters of two writers."""
    rows = [
        (_strokes(number), label, writer)
        for writer in ("ann", "bob")
        for number, label in enumerate(LABELS)
    ]
    columns = {"label": "label", "writer": "writer"}
    return {**_tables(folder, ("strokes", "label", "writer"), rows), "columns": columns}


def digit_lines(folder: Path) -> dict[str, Any]:
    """Return parameters of ``data=digit_lines``, which needs no files."""
    return {"train": 4, "val": 3, "test": 3, "max_length": 4, "height": 16}


def series(folder: Path) -> dict[str, Any]:
    """Return parameters of ``data=series``: tables, and a folder of arrays for each."""
    rng = np.random.default_rng(1)
    for split in SPLITS:
        (folder / split).mkdir()
        for number, text in enumerate(TEXTS):
            values = rng.normal(size=(2 * len(text), 3)).astype(np.float32)
            np.save(folder / split / f"{number}.npy", values)
    rows = [(f"{number}.npy", text) for number, text in enumerate(TEXTS)]
    return _tables(folder, ("features", "text"), rows)


def _tables(folder: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Write a table with the same rows for each split; return the parameters."""
    return {split: _table(folder / f"{split}.tsv", header, rows) for split in SPLITS}


def _table(file: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["\t".join(cells) + "\n" for cells in (header, *rows)]
    file.write_text("".join(lines), encoding="utf-8", newline="\n")
    return str(file)


def _strokes(number: int) -> str:
    return f"0,0 {number + 1},2 3,{number + 2}|4,1 5,{number}"


def _image(file: Path, characters: int, lines: int) -> None:
    """Write an image of so many characters' width, with a bar of ink in each line."""
    from PIL import Image

    paper = np.full((lines * HEIGHT, characters * HEIGHT // 2), 255, np.uint8)
    for line in range(lines):
        paper[line * HEIGHT + 8 : line * HEIGHT + 16, 4:-4] = 0
    Image.fromarray(paper).save(file)
