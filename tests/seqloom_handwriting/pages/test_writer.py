"""Writing pages in prediction, one after another."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from seqloom.errors import ConfigError
from seqloom.interfaces import Example, Head
from seqloom_handwriting.pages.documents import read
from seqloom_handwriting.pages.model import Form
from seqloom_handwriting.pages.reader import PageReader
from seqloom_handwriting.pages.writer import AltoWriter, PageWriter, PageXmlWriter, fill
from seqloom_handwriting.readers.line_images import LineImageReader

Write = Callable[..., Path]
LINES = [("a", 60, "one"), ("b", 160, None)]


class Reader:
    """Stands for a head; writers only name it."""


HEAD = cast("Head", Reader())


def texts(xml: Path) -> list[str | None]:
    return [line.text for line in read(xml).lines]


@pytest.mark.parametrize(("writer", "form"), [(AltoWriter, Form.alto), (PageXmlWriter, Form.page)])
def test_each_page_is_written_once_it_is_complete(
    alto_page: Write, tmp_path: Path, writer: type[PageWriter], form: Form
) -> None:
    folder = alto_page(LINES, name="p1").parent
    alto_page(LINES, name="p2")
    out = tmp_path / "out"
    pages = writer(out, HEAD)
    reader = PageReader()
    pages.begin(reader)
    for number, example in enumerate(reader.inputs([str(folder)])):
        assert sorted(path.name for path in out.glob("*")) == (["p1.xml"] if number > 2 else [])
        pages.write(example, {"text": f"read {example.id}", "confidence": 0.9})
    pages.close()
    assert sorted(path.name for path in out.iterdir()) == ["p1.xml", "p2.xml"]
    assert read(out / "p1.xml").form == form
    assert texts(out / "p1.xml") == ["read p1/a", "read p1/b"]
    assert texts(out / "p2.xml") == ["read p2/a", "read p2/b"]


@pytest.mark.parametrize("source", Form)
@pytest.mark.parametrize(("writer", "form"), [(AltoWriter, Form.alto), (PageXmlWriter, Form.page)])
def test_lines_that_could_not_be_read_lose_their_texts(
    alto_page: Write,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    *,
    source: Form,
    writer: type[PageWriter],
    form: Form,
) -> None:
    xml = alto_page([("a", 60, "one"), ("b", 160, "two"), ("c", 990, "three")])
    if source == Form.page:
        page = read(xml)
        fill(xml, {}, xml, Form.page)
        assert [line.text for line in read(xml).lines] == [line.text for line in page.lines]
    pages, reader = writer(tmp_path / "out", HEAD), PageReader()
    pages.begin(reader)
    first, *_ = reader.inputs([str(xml)])
    pages.write(first, {"text": "read"})  # b fails in the model, c when it is cut
    pages.close()
    out = tmp_path / "out" / "one.xml"
    assert read(out).form == form
    assert texts(out) == ["read", None, None]
    content = out.read_text()
    assert "<!-- not read: it does not fit the model; see the messages -->" in content
    assert "<!-- not read: its polygon reaches to (20, 960), outside the page" in content
    assert "2 lines could not be read, without text in the output: one/b, one/c." in (
        caplog.messages
    )


def test_lines_of_other_regions_keep_their_texts(page_xml: Write, tmp_path: Path) -> None:
    box = '<Coords points="10,20 110,20 110,50 10,50"/>'
    equivalent = "<TextEquiv><Unicode>old</Unicode></TextEquiv>"
    regions = "".join(
        f'<TextRegion id="{name}" type="{kind}">{box}'
        f'<TextLine id="{name}1">{box}{equivalent}</TextLine></TextRegion>'
        for name, kind in (("a", "heading"), ("b", "paragraph"))
    )
    xml = page_xml(regions)
    pages, reader = PageXmlWriter(tmp_path / "out", HEAD), PageReader(regions=["heading"])
    pages.begin(reader)
    list(reader.inputs([str(xml)]))
    pages.close()
    assert texts(tmp_path / "out" / "one.xml") == [None, "old"]


def test_a_text_that_is_read_as_empty_is_a_warning(
    alto_page: Write, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    xml = alto_page([("a", 60, "one"), ("b", 160, None)])
    pages, reader = PageXmlWriter(tmp_path / "out", HEAD), PageReader()
    pages.begin(reader)
    for example in reader.inputs([str(xml)]):
        assert isinstance(example, Example)
        pages.write(example, {"text": "", "confidence": 0.5})
    pages.close()
    assert caplog.messages == ["1 line that had a text, read as empty: one/a."]


def test_pages_of_folders_are_written_into_such_folders(alto_page: Write, tmp_path: Path) -> None:
    for name in ("first", "second"):
        page = alto_page(LINES[:1])
        (page.parent / name).mkdir()
        for file in (page, page.with_suffix(".png")):
            file.rename(page.parent / name / file.name)
    pages, reader = AltoWriter(tmp_path / "out", HEAD), PageReader()
    pages.begin(reader)
    for example in reader.inputs([str(page.parent)]):
        assert isinstance(example, Example)
        pages.write(example, {"text": example.id})
    pages.close()
    for name in ("first", "second"):
        assert texts(tmp_path / "out" / name / "one.xml") == [f"{name}/one/a"]


@pytest.mark.parametrize(("writer", "form"), [(AltoWriter, Form.alto), (PageXmlWriter, Form.page)])
def test_pages_of_which_no_line_is_read_are_written_too(
    alto_page: Write, tmp_path: Path, writer: type[PageWriter], form: Form
) -> None:
    folder = alto_page([], name="p1").parent
    alto_page(LINES, name="p2")
    alto_page([("a", 60, "old")], name="p3", image=False)
    out = tmp_path / "out"
    pages, reader = writer(out, HEAD), PageReader()
    pages.begin(reader)
    for found in reader.inputs([str(folder)]):
        if isinstance(found, Example):  # as --on-bad skip has it
            pages.write(found, {"text": f"read {found.id}"})
    pages.close()
    assert sorted(path.name for path in out.iterdir()) == ["p1.xml", "p2.xml", "p3.xml"]
    assert {read(file).form for file in out.iterdir()} == {form}
    assert texts(out / "p1.xml") == []
    assert texts(out / "p2.xml") == ["read p2/a", "read p2/b"]
    assert texts(out / "p3.xml") == [None]
    assert "not read: the page's image p3.png is not beside" in (out / "p3.xml").read_text()


def test_predict_copies_what_it_could_not_read(
    call: Callable[..., str], trained: Path, alto_page: Write, tmp_path: Path
) -> None:
    folder = alto_page([], name="p1").parent
    alto_page([("a", 60, "old")], name="p2", image=False)
    alto_page([("a", 60, None)], name="p3")
    out = tmp_path / "out"
    call("predict", trained, folder, "data=pages", "--to", "page", "--out", out, "--on-bad", "skip")
    assert [texts(out / f"p{number}.xml") for number in (1, 2)] == [[], [None]]
    assert len(texts(out / "p3.xml")) == 1


def test_a_page_that_is_only_copied_is_not_written_over_another(
    alto_page: Write, tmp_path: Path
) -> None:
    here, there = alto_page(LINES), alto_page([], folder="others")
    writer, reader = AltoWriter(tmp_path / "out", HEAD), PageReader()
    writer.begin(reader)
    for example in reader.inputs([str(here), str(there)]):
        writer.write(example, {"text": "t"})
    with pytest.raises(ConfigError, match=r"one\.xml would both be written to .*two folders"):
        writer.close()


def test_nothing_read_writes_nothing(tmp_path: Path) -> None:
    AltoWriter(tmp_path / "out", HEAD).close()
    assert not (tmp_path / "out").exists()


def test_a_folder_must_be_given(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ConfigError, match=r"but --out is missing. Pass a folder: --out FOLDER"):
        AltoWriter(None, HEAD)
    with pytest.raises(ConfigError, match=r"file is a file\. Pass a folder"):
        PageXmlWriter(file, HEAD)


def test_other_readers_and_heads_are_rejected(alto_page: Write, tmp_path: Path) -> None:
    writer = AltoWriter(tmp_path / "out", HEAD)
    with pytest.raises(
        ConfigError, match=r"LineImageReader does not read pages with XML.*data=pages"
    ):
        writer.begin(LineImageReader())
    example = next(PageReader().inputs([str(alto_page(LINES))]))
    with pytest.raises(ConfigError, match=r"Reader does not predict the text of a line"):
        writer.write(example, {"label": "t"})


def test_no_page_is_written_over_another(alto_page: Write, tmp_path: Path) -> None:
    here, there = alto_page(LINES), alto_page(LINES, folder="others")
    (first, *_, last) = PageReader().inputs([str(here), str(there)])
    with pytest.raises(ConfigError, match=r"is the folder of one\.xml, which would be overwritten"):
        AltoWriter(here.parent, HEAD).write(first, {"text": "t"})
    writer = AltoWriter(tmp_path / "out", HEAD)
    writer.write(first, {"text": "t"})
    with pytest.raises(ConfigError, match=r"one\.xml would both be written to .*two folders"):
        writer.write(last, {"text": "t"})
    assert texts(tmp_path / "out" / "one.xml") == ["t", None]
