"""From files to predictions, in each of their forms; and what evaluate measures of them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

import seqloom
from seqloom.errors import ConfigError
from seqloom.interfaces import Example

Call = Callable[..., str]
Rows = Callable[[str], list[dict[str, Any]]]

PAGE = """<?xml version="1.0" encoding="UTF-8"?>
<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><Description>
<MeasurementUnit>pixel</MeasurementUnit>
<sourceImageInformation><fileName>page.png</fileName></sourceImageInformation></Description>
<Layout><Page ID="p" PHYSICAL_IMG_NR="1" WIDTH="{width}" HEIGHT="{height}"><PrintSpace>
<TextBlock ID="b">{lines}</TextBlock></PrintSpace></Page></Layout></alto>
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, digit_line: Callable[[int], Example]) -> Path:
    """Four images in a folder, of several sizes."""
    place = tmp_path_factory.mktemp("lines")
    for number in range(1, 5):
        image = Image.fromarray(digit_line(number).fields["image"])
        image.resize((image.width * number, image.height * number)).save(place / f"{number}.png")
    return place


def test_files_and_folders_and_zips_are_read_alike(
    call: Call, rows: Rows, trained: Path, folder: Path, tmp_path: Path
) -> None:
    files = sorted(folder.iterdir())
    found = rows(call("predict", trained, *files))
    assert [one["id"] for one in found] == ["1.png", "2.png", "3.png", "4.png"]
    assert "".join(one["text"] for one in found)
    assert_close(rows(call("predict", trained, folder)), found)
    with zipfile.ZipFile(tmp_path / "lines.zip", "w") as archive:
        for file in files:
            archive.write(file, file.name)
    assert_close(rows(call("predict", trained, tmp_path / "lines.zip", "--batch", "2")), found)


def assert_close(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    """Ids and texts are equal; confidences may differ a little, as batches differ."""
    assert [(one["id"], one["text"]) for one in found] == [
        (one["id"], one["text"]) for one in expected
    ]
    for one, other in zip(found, expected, strict=True):
        assert one["confidence"] == pytest.approx(other["confidence"], abs=1e-5)
        for character, same in zip(one["characters"], other["characters"], strict=True):
            assert character == pytest.approx(same, abs=1e-5)


def test_texts_and_tables_have_what_json_lines_have(
    call: Call, rows: Rows, trained: Path, folder: Path
) -> None:
    found = rows(call("predict", trained, folder))
    texts = call("predict", trained, folder, "--to", "text").splitlines()
    assert texts == [one["text"] for one in found]
    header, *table = call("predict", trained, folder, "--to", "tsv").splitlines()
    assert header == "id\ttext\tconfidence"
    for row, one in zip(table, found, strict=True):
        name, text, confidence = row.split("\t")
        assert (name, text) == (one["id"], one["text"])
        assert float(confidence) == pytest.approx(one["confidence"], abs=1e-4)


def test_a_bad_image_among_others(
    call: Call, rows: Rows, trained: Path, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.png").write_bytes(b"\x89PNG no image")
    good = folder / "1.png"
    with pytest.raises(seqloom.SeqloomError, match=r"bad\.png.*--on-bad skip"):
        call("predict", trained, tmp_path / "bad.png", good)
    (one,) = rows(call("predict", trained, tmp_path / "bad.png", good, "--on-bad", "skip"))
    assert one["id"] == "1.png"


@pytest.fixture
def page(tmp_path: Path, digit_line: Callable[[int], Example]) -> Path:
    """A page of three lines with its ALTO, without texts."""
    images = [digit_line(number).fields["image"] for number in (1, 2, 3)]
    width = 40 + max(image.shape[1] for image in images)
    sheet = np.full((160, width), 240, np.uint8)
    lines = ""
    for number, image in enumerate(images):
        top, (height, wide) = 10 + 50 * number, image.shape
        sheet[top : top + height, 20 : 20 + wide] = image
        box = f'HPOS="20" VPOS="{top}" WIDTH="{wide}" HEIGHT="{height}"'
        lines += f'<TextLine ID="l{number}" {box} BASELINE="20 {top + 20} {20 + wide} {top + 20}"/>'
    (tmp_path / "pages").mkdir()
    Image.fromarray(sheet).save(tmp_path / "pages" / "page.png")
    xml = tmp_path / "pages" / "page.xml"
    xml.write_text(PAGE.format(width=width, height=160, lines=lines), encoding="utf-8")
    return xml


def texts_of(xml: Path) -> dict[str, str]:
    """The text of each line by its id, of ALTO or PAGE XML."""
    found = {}
    for element in ElementTree.parse(xml).iter():
        if element.tag.endswith("}TextLine"):
            parts = list(element.iter())
            alto = [
                p.attrib.get("CONTENT", " ") for p in parts if p.tag.endswith(("}String", "}SP"))
            ]
            plain = [p.text or "" for p in parts if p.tag.endswith("}Unicode")]
            found[element.attrib.get("ID") or element.attrib["id"]] = "".join(alto or plain)
    return found


def test_pages_are_filled_with_what_json_lines_have(
    call: Call, rows: Rows, trained: Path, page: Path, tmp_path: Path
) -> None:
    found = rows(call("predict", trained, page))
    expected = {one["id"].partition("/")[2]: one["text"] for one in found}
    assert list(expected) == ["l0", "l1", "l2"]
    assert any(expected.values())
    for form in ("alto", "page"):
        call("predict", trained, page, "--to", form, "--out", tmp_path / form)
        filled = texts_of(tmp_path / form / "page.xml")
        assert {name: filled.get(name, "") for name in expected} == expected


def test_evaluate_decodes_as_it_is_told(call: Call, trained: Path) -> None:
    silent = ("head.decoder=beam", "head.ngram_bonus=-50", "head.skip_blank=1")  # says nothing
    beam = json.loads(call("evaluate", trained, *silent, "--json"))["test"]
    stored = json.loads((trained / "metrics.json").read_text(encoding="utf-8"))["test"]
    assert json.loads(call("evaluate", trained, "--json"))["test"] == pytest.approx(
        stored, abs=1e-5
    )
    assert beam["loss"] == pytest.approx(stored["loss"], abs=1e-5)
    assert stored["cer"] < beam["cer"] == 1.0
    table = call("evaluate", trained, "head.decoder=beam", "head.ngram_weight=0.0")
    assert "Confusions of characters" in table
    with pytest.raises(ConfigError, match=r"^head\.ngram_order=0: the model was trained with"):
        call("evaluate", trained, "head.ngram_order=0")
