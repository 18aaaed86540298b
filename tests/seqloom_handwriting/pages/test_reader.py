"""Pages as a data set: examples, ids, splits, and every error in words."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seqloom.errors import ConfigError, DataError, ExampleError
from seqloom.interfaces import Example
from seqloom.testing.readers import usable
from seqloom_handwriting.pages.reader import PageReader

Write = Callable[..., Path]
LINES = [("a", 60, "first line"), ("c", 260, "third line")]
BARE = [("a", 60, "first line"), ("b", 160, None), ("c", 260, "third line")]


def test_lines_are_examples_in_reading_order(alto_page: Write) -> None:
    xml = alto_page(LINES)
    first, third = PageReader(train=str(xml.parent)).examples("train")
    assert (first.id, third.id) == ("one/a", "one/c")
    assert (first.fields["text"], third.fields["text"]) == ("first line", "third line")
    assert str(third.origin) == f"{xml}:7"
    image = first.fields["image"]
    assert (image.shape, image.dtype, image.min(), image.max()) == ((64, 569), np.uint8, 0, 255)
    assert first.meta.pop("content") != third.meta["content"]
    assert first.meta == {
        "page": "one",
        "region": "b1",
        "line": "a",
        "xml": str(xml),
        "baseline": [[20, 60], [420, 60]],
    }


def test_one_file_of_xml_is_read_and_height_zero_keeps_the_scale(alto_page: Write) -> None:
    (example, _) = PageReader(val=str(alto_page(LINES)), height=0).examples("val")
    assert example.fields["image"].shape == (45, 400)


def test_lines_that_two_files_have_of_one_image_are_told(
    alto_page: Write, caplog: pytest.LogCaptureFixture
) -> None:
    xml = alto_page(LINES, folder="alto")
    image = xml.with_suffix(".png")
    image.rename(xml.parent.parent / image.name)  # beside the folders, as in Transkribus exports
    folder, other = str(xml.parent.parent), xml.parent.parent / "page" / "one.xml"
    assert len(list(PageReader().inputs([folder]))) == 2
    assert not caplog.messages
    other.parent.mkdir()
    other.write_text(xml.read_text("utf-8").replace("20 75 420 75", "20 76 420 76"), "utf-8")
    assert len(list(PageReader().inputs([folder]))) == 4
    (told,) = caplog.messages
    assert told.startswith(
        f"Files of XML with the image and the texts of another one: 1, such as {other} with those "
        f"of {xml}. Their lines are there twice"
    )


def test_a_split_that_is_not_given_is_empty(alto_page: Write) -> None:
    assert not list(PageReader(train=str(alto_page(LINES))).examples("test"))


def test_a_line_without_text_is_an_error_of_its_own(alto_page: Write) -> None:
    xml = alto_page(BARE)
    first, bare, third = PageReader(train=str(xml)).examples("train")
    assert isinstance(bare, ExampleError)
    assert str(bare) == f"{xml}:7: line 'b' of page 'one': it has no transcription."
    assert bare.example_id == "one/b"
    assert isinstance(first, Example)
    assert isinstance(third, Example)


def test_inputs_need_no_text(alto_page: Write) -> None:
    examples = list(PageReader().inputs([str(alto_page(BARE))]))
    assert [example.id for example in examples] == ["one/a", "one/b", "one/c"]
    assert "text" not in examples[1].fields


def test_equal_names_of_inputs_and_splits_have_different_ids(alto_page: Write) -> None:
    here, there = alto_page(LINES[:1]), alto_page(LINES[:1], folder="others")
    ids = [example.id for example in PageReader().inputs([str(here), str(there.parent)])]
    assert ids == ["one/a", "one#2/a"]
    reader = PageReader(train=str(here), val=str(there))
    assert [next(reader.examples(split)).id for split in ("train", "val")] == [
        "train/one/a",
        "val/one/a",
    ]


def test_an_image_stands_for_the_xml_beside_it(alto_page: Write) -> None:
    image = alto_page(LINES).with_suffix(".png")
    assert len(list(PageReader().inputs([str(image)]))) == 2


def test_an_image_without_xml_needs_segmentation(alto_page: Write) -> None:
    xml = alto_page(LINES)
    xml.unlink()
    (error,) = PageReader().inputs([str(xml.with_suffix(".png"))])
    assert isinstance(error, ExampleError)
    assert "a page's image without one.xml beside it. Its lines must be found first: kraken, " in (
        str(error)
    )
    with pytest.raises(DataError, match=r"no XML files of pages in the folder; there is 1 image"):
        list(PageReader().inputs([str(xml.parent)]))


def test_an_export_is_to_be_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as export:
        export.writestr("one.xml", "<alto/>")
    (error,) = PageReader().inputs([str(tmp_path / "export.zip")])
    assert "export.zip: a zip file. Unpack it, and pass the folder." in str(error)


def test_what_is_no_page_in_a_folder_is_passed_over(
    alto_page: Write, caplog: pytest.LogCaptureFixture
) -> None:
    xml = alto_page(LINES)
    (xml.parent / "METS.xml").write_text("<mets/>")
    (xml.parent / "two.png").write_bytes(b"")
    assert len(list(PageReader().inputs([str(xml.parent)]))) == 2
    assert "no XML for 1 image, which is left out: two.png" in caplog.text


def test_standard_input_is_refused() -> None:
    with pytest.raises(
        DataError, match=r"- \(standard input\) is not a page\. Pass ALTO or PAGE XML"
    ):
        list(PageReader().inputs(["-"]))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.xml: no such file"):
        list(PageReader(train=str(tmp_path / "none.xml")).examples("train"))


def test_a_missing_image_is_an_error_of_each_of_its_lines(alto_page: Write) -> None:
    xml = alto_page(LINES, image=False)
    found = list(PageReader(train=str(xml)).examples("train"))
    assert [type(one) for one in found] == [ExampleError, ExampleError]
    assert str(found[1]) == (
        f"{xml}:7: line 'c' of page 'one': the page's image one.png is not beside the XML in "
        f"{xml.parent}, nor in the folder above; put it there."
    )


def test_an_image_one_folder_up_is_found(alto_page: Write) -> None:
    xml = alto_page(LINES)
    xml.with_suffix(".png").rename(xml.parent.parent / "one.png")
    assert len(list(PageReader(train=str(xml)).examples("train"))) == 2


def test_one_bad_line_does_not_stop_the_others(alto_page: Write) -> None:
    xml = alto_page(LINES)
    xml.write_text(xml.read_text().replace('BASELINE="20 60 420 60"', 'BASELINE="20 60"'))
    bad, good = PageReader(train=str(xml)).examples("train")
    assert isinstance(good, Example)
    problem = "the baseline has 1 different point; expected at least 2"
    assert str(bad) == f"{xml}:5: line 'a' of page 'one': {problem}."


def test_a_polygon_outside_the_page_is_an_error(alto_page: Write) -> None:
    xml = alto_page([("a", 60, "x"), ("far", 700, "y")])
    good, bad = PageReader(train=str(xml)).examples("train")
    assert isinstance(good, Example)
    assert "line 'far' of page 'one': its polygon reaches to (20, 670), outside the page of " in (
        str(bad)
    )


def test_a_baseline_outside_the_page_is_an_error(alto_page: Write) -> None:
    xml = alto_page(LINES[:1])
    xml.write_text(xml.read_text().replace("60 420 60", "60 9420 60"))
    with pytest.raises(ExampleError, match=r"its baseline reaches to \(9420, 60\), outside the"):
        usable(PageReader(train=str(xml)).examples("train"))


def test_a_page_of_other_proportions_is_an_error(alto_page: Write) -> None:
    xml = alto_page(LINES)
    Image.new("L", (400, 440), 255).save(xml.with_suffix(".png"))
    with pytest.raises(ExampleError, match=r"440 x 400 in the XML, but its image has 400 x 440"):
        usable(PageReader(train=str(xml)).examples("train"))


def test_a_damaged_image_is_an_error(alto_page: Write) -> None:
    xml = alto_page(LINES)
    xml.with_suffix(".png").write_bytes(b"nothing")
    with pytest.raises(ExampleError, match=r"line 'a' of page 'one': .*one\.png is not an image"):
        usable(PageReader(train=str(xml)).examples("train"))


def test_coordinates_follow_an_image_of_another_size(alto_page: Write) -> None:
    xml = alto_page(LINES)
    before = next(PageReader(train=str(xml)).examples("train")).fields["image"]
    with Image.open(xml.with_suffix(".png")) as image:
        image.resize((880, 800)).save(xml.with_suffix(".png"))
    after = next(PageReader(train=str(xml)).examples("train")).fields["image"]
    assert after.shape == before.shape
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.97


def test_units_of_paper_are_converted_by_the_image_s_size(alto_page: Write) -> None:
    xml = alto_page(LINES)
    before = next(PageReader(train=str(xml)).examples("train")).fields["image"]
    text = xml.read_text().replace(">pixel<", ">mm10<")
    xml.write_text(text)
    assert (next(PageReader(train=str(xml)).examples("train")).fields["image"] == before).all()
    xml.write_text(text.replace('WIDTH="440" HEIGHT="400"', ""))
    with pytest.raises(ExampleError, match=r"coordinates are in mm10, .* export it in pixels"):
        usable(PageReader(train=str(xml)).examples("train"))


def test_only_the_wanted_regions_are_read(alto_page: Write) -> None:
    xml = str(alto_page(LINES))
    assert len(list(PageReader(train=xml, regions=["MainZone"]).examples("train"))) == 2
    with pytest.raises(DataError, match=r"data\.regions=Mainzone: no line.*mean 'MainZone'\?"):
        list(PageReader(train=xml, regions=["Mainzone"]).examples("train"))


def test_pages_without_any_line_are_refused(alto_page: Write) -> None:
    xml = str(alto_page([]))
    with pytest.raises(DataError, match=r"one\.xml: no examples in it\."):
        list(PageReader(train=xml).examples("train"))


def test_letters_from_right_to_left_are_told_of_once(
    alto_page: Write, caplog: pytest.LogCaptureFixture
) -> None:
    xml = alto_page([("a", 60, "left"), ("b", 160, "\u05d0\u05d1"), ("c", 260, "\u0627")])
    reader = PageReader(train=str(xml), val=str(xml))
    assert len([*reader.examples("train"), *reader.examples("val")]) == 6
    (message,) = caplog.messages
    assert message.startswith(f"{xml}:7: the text '\u05d0\u05d1' has letters that run from right")
    assert "visual order" in message


def test_a_negative_height_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"data\.height=-1: expected pixels, or 0"):
        PageReader(height=-1)


@pytest.mark.parametrize("split", [{"val": 0.25, "group": "page"}, None])
def test_a_page_stays_on_one_side_of_the_split(
    alto_page: Write, split: dict[str, object] | None
) -> None:
    for number in range(8):
        lines = [("a", 60, f"{number} up"), ("c", 260, f"{number} down")]
        folder = alto_page(lines, name=f"page{number}").parent
    reader = PageReader(train=str(folder), split=split)
    pages = {name: [one.meta["page"] for one in reader.examples(name)] for name in ("train", "val")}
    assert len(pages["train"]) + len(pages["val"]) == 16
    assert len(set(pages["val"])) == (2 if split else 0)
    assert not set(pages["train"]) & set(pages["val"])


def test_only_one_page_s_image_is_held(alto_page: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    import weakref

    from seqloom_handwriting.pages import sheet

    for number in range(4):
        folder = alto_page(LINES, name=f"page{number}").parent
    alive: list[weakref.ref[np.ndarray]] = []
    flatten = sheet.flatten

    def monitored(page: np.ndarray) -> np.ndarray:
        assert not any(ref() is not None for ref in alive)
        alive.append(weakref.ref(flat := flatten(page)))
        return flat

    monkeypatch.setattr(sheet, "flatten", monitored)
    assert len(list(PageReader(train=str(folder)).examples("train"))) == 8
    assert len(alive) == 4


def test_other_xml_in_a_folder_is_left_out_with_a_warning(
    alto_page: Write, caplog: pytest.LogCaptureFixture
) -> None:
    folder = alto_page(LINES).parent
    (folder / "tei.xml").write_text('<TEI xmlns="http://www.tei-c.org/ns/1.0"/>')
    assert len(usable(PageReader(train=str(folder)).examples("train"))) == 2
    (message,) = caplog.messages
    assert message.startswith(f"Left out: {folder / 'tei.xml'}:1: the outermost element is 'TEI'")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("<alto><Layout>", "not well-formed XML"),
        ('<alto xmlns="urn:other"/>', "the outermost element is 'alto' in the namespace"),
        ("<alto/>", "the ALTO has 0 pages"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><alto/>', "the document declares or uses the entity"),
        ("", "not well-formed XML"),
    ],
)
def test_a_page_that_cannot_be_read_is_an_error_of_its_own(
    alto_page: Write, content: str, problem: str
) -> None:
    folder = alto_page(LINES).parent
    (folder / "bad.xml").write_text(content)
    for found in (
        list(PageReader(train=str(folder)).examples("train")),
        list(PageReader().inputs([str(folder)])),
    ):
        error, *good = found
        assert isinstance(error, ExampleError)
        assert str(error).startswith(f"{folder / 'bad.xml'}:1: {problem}")
        assert len(usable(good)) == 2


def test_a_file_that_is_passed_and_is_no_page_is_an_error_of_its_own(
    alto_page: Write, tmp_path: Path
) -> None:
    other = tmp_path / "tei.xml"
    other.write_text("<TEI/>")
    paths = [str(other), str(tmp_path / "none.xml"), str(alto_page(LINES))]
    first, second, *good = PageReader().inputs(paths)
    assert isinstance(first, ExampleError)
    assert "the outermost element is 'TEI'" in first.problem
    assert isinstance(second, ExampleError)
    assert "no such file" in second.problem
    assert len(usable(good)) == 2
