"""Pages and their images are found in the folders of a folder."""

from collections.abc import Callable
from pathlib import Path

import pytest

from seqloom.errors import ExampleError
from seqloom.testing.readers import usable
from seqloom_handwriting.pages.reader import PageReader

Write = Callable[..., Path]
LINES = [("a", 60, "first line"), ("c", 260, "third line")]


def moved(page: Path, xml: str, image: str) -> None:
    """Move a page's XML and image to other places under its folder."""
    for path, place in ((page, xml), (page.with_suffix(".png"), image)):
        (page.parent / place).parent.mkdir(parents=True, exist_ok=True)
        path.rename(page.parent / place)


@pytest.mark.parametrize(
    ("xml", "image"),
    [
        ("page/one.xml", "one.png"),
        ("alto/one.xml", "images/one.png"),
        ("one.xml", "images/one.png"),
        ("PAGE/one.xml", "Scans of 1890/one.png"),
        ("deep/down/one.xml", "deep/one.png"),
        ("one.xml", "one.PNG"),
    ],
)
def test_pages_are_found_in_the_folders_of_a_folder(alto_page: Write, xml: str, image: str) -> None:
    page = alto_page(LINES)
    moved(page, xml, image)
    reader = PageReader(train=str(page.parent))
    assert [one.id for one in usable(reader.examples("train"))] == ["one/a", "one/c"]


def test_pages_of_one_name_are_told_apart_by_their_folders(alto_page: Write) -> None:
    for name in ("first", "second"):
        moved(alto_page(LINES[:1]), f"{name}/page/one.xml", f"{name}/one.png")
        empty = alto_page([], name="empty")
    for file in (empty, empty.with_suffix(".png")):
        file.unlink()
    folder = empty.parent
    found = usable(PageReader(train=str(folder)).examples("train"))
    assert [one.id for one in found] == ["first/one/a", "second/one/a"]
    assert [one.meta["page"] for one in found] == ["first/one", "second/one"]


def test_what_lies_below_pages_is_not_read(alto_page: Write) -> None:
    page = alto_page(LINES)
    for place in ("predicted", "predicted/deeper"):
        (page.parent / place).mkdir()
        (page.parent / place / page.name).write_text(page.read_text())
    found = usable(PageReader(train=str(page.parent)).examples("train"))
    assert [one.id for one in found] == ["one/a", "one/c"]


def test_other_xml_above_pages_does_not_hide_them(
    alto_page: Write, caplog: pytest.LogCaptureFixture
) -> None:
    page = alto_page(LINES)
    moved(page, "alto/one.xml", "images/one.png")
    (page.parent / "tei.xml").write_text("<TEI/>")
    assert len(usable(PageReader(train=str(page.parent)).examples("train"))) == 2
    assert [message.split(":")[0] for message in caplog.messages] == ["Left out"]


def test_an_image_of_another_manuscript_is_not_taken(alto_page: Write) -> None:
    page = alto_page(LINES[:1])
    moved(page, "first/one.xml", "second/one.png")
    (error,) = PageReader(train=str(page.parent)).examples("train")
    assert isinstance(error, ExampleError)
    assert "the page's image one.png is not beside the XML" in str(error)


def test_an_image_that_is_in_two_folders_is_asked_for(alto_page: Write) -> None:
    page = alto_page(LINES[:1])
    moved(page, "page/one.xml", "images/one.png")
    (page.parent / "thumbs").mkdir()
    (page.parent / "thumbs" / "one.png").touch()
    (error,) = PageReader(train=str(page.parent)).examples("train")
    assert "one.png is in " in str(error)


def test_an_image_is_found_by_the_path_that_the_xml_has(alto_page: Write) -> None:
    page = alto_page(LINES[:1])
    moved(page, "segmented/x.xml", "originals/p1.png")
    xml = page.parent / "segmented" / "x.xml"
    xml.write_text(xml.read_text().replace("one.png", "originals/p1.png"))
    assert len(usable(PageReader(train=str(xml)).examples("train"))) == 1
