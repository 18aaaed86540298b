"""Writing pages in prediction, one after another."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from seqloom.errors import ConfigError
from seqloom.interfaces import Example, Head
from seqloom_handwriting.pages.model import Form
from seqloom_handwriting.pages.reader import PageReader
from seqloom_handwriting.pages.reading import read
from seqloom_handwriting.pages.writer import AltoWriter, PageWriter, PageXmlWriter
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
    source = PageReader()
    pages.begin(source)
    for number, example in enumerate(source.inputs([str(folder)])):
        assert sorted(path.name for path in out.glob("*")) == (["p1.xml"] if number > 2 else [])
        pages.write(example, {"text": f"read {example.id}", "confidence": 0.9})
    pages.close()
    assert sorted(path.name for path in out.iterdir()) == ["p1.xml", "p2.xml"]
    assert read(out / "p1.xml").form == form
    assert texts(out / "p1.xml") == ["read p1/a", "read p1/b"]
    assert texts(out / "p2.xml") == ["read p2/a", "read p2/b"]


def test_lines_that_were_not_read_keep_their_texts(alto_page: Write, tmp_path: Path) -> None:
    xml = alto_page(LINES)
    writer = AltoWriter(tmp_path / "out", HEAD)
    example = list(PageReader().inputs([str(xml)]))[1]
    writer.write(example, {"text": "two"})
    writer.close()
    assert texts(tmp_path / "out" / "one.xml") == ["one", "two"]


@pytest.mark.parametrize(("writer", "form"), [(AltoWriter, Form.alto), (PageXmlWriter, Form.page)])
def test_pages_of_which_no_line_is_read_are_written_too(
    alto_page: Write, tmp_path: Path, writer: type[PageWriter], form: Form
) -> None:
    folder = alto_page([], name="p1").parent
    alto_page(LINES, name="p2")
    alto_page([("a", 60, "kept")], name="p3", image=False)
    out = tmp_path / "out"
    pages, source = writer(out, HEAD), PageReader()
    pages.begin(source)
    for found in source.inputs([str(folder)]):
        if isinstance(found, Example):  # as --skip-bad has it
            pages.write(found, {"text": f"read {found.id}"})
    pages.close()
    assert sorted(path.name for path in out.iterdir()) == ["p1.xml", "p2.xml", "p3.xml"]
    assert {read(file).form for file in out.iterdir()} == {form}
    assert texts(out / "p1.xml") == []
    assert texts(out / "p2.xml") == ["read p2/a", "read p2/b"]
    assert texts(out / "p3.xml") == ["kept"]


def test_predict_copies_what_it_could_not_read(
    call: Callable[..., str], trained: Path, alto_page: Write, tmp_path: Path
) -> None:
    folder = alto_page([], name="p1").parent
    alto_page([("a", 60, "kept")], name="p2", image=False)
    alto_page([("a", 60, None)], name="p3")
    out = tmp_path / "out"
    call("predict", trained, folder, "--data", "pages", "--to", "page", "--out", out, "--skip-bad")
    assert [texts(out / f"p{number}.xml") for number in (1, 2)] == [[], ["kept"]]
    assert len(texts(out / "p3.xml")) == 1


def test_a_page_that_is_only_copied_is_not_written_over_another(
    alto_page: Write, tmp_path: Path
) -> None:
    here, there = alto_page(LINES), alto_page([], folder="others")
    writer, source = AltoWriter(tmp_path / "out", HEAD), PageReader()
    writer.begin(source)
    for example in source.inputs([str(here), str(there)]):
        writer.write(example, {"text": "t"})
    with pytest.raises(ConfigError, match=r"one\.xml would both be written to .*two folders"):
        writer.close()


def test_nothing_read_writes_nothing(tmp_path: Path) -> None:
    AltoWriter(tmp_path / "out", HEAD).close()
    assert not (tmp_path / "out").exists()


def test_a_folder_must_be_given(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ConfigError, match=r"but there is no --out; give a folder: --out FOLDER"):
        AltoWriter(None, HEAD)
    with pytest.raises(ConfigError, match=r"file is a file; give a folder"):
        PageXmlWriter(file, HEAD)


def test_other_sources_and_heads_are_refused(alto_page: Write, tmp_path: Path) -> None:
    writer = AltoWriter(tmp_path / "out", HEAD)
    with pytest.raises(ConfigError, match=r"LineImageReader reads no pages with XML.*--data pages"):
        writer.begin(LineImageReader())
    example = next(PageReader().inputs([str(alto_page(LINES))]))
    with pytest.raises(ConfigError, match=r"Reader does not predict the text of a line"):
        writer.write(example, {"label": "t"})


def test_no_page_is_written_over_another(alto_page: Write, tmp_path: Path) -> None:
    here, there = alto_page(LINES), alto_page(LINES, folder="others")
    (first, *_, last) = PageReader().inputs([str(here), str(there)])
    with pytest.raises(
        ConfigError, match=r"is the folder of one\.xml, which would be written over"
    ):
        AltoWriter(here.parent, HEAD).write(first, {"text": "t"})
    writer = AltoWriter(tmp_path / "out", HEAD)
    writer.write(first, {"text": "t"})
    with pytest.raises(ConfigError, match=r"one\.xml would both be written to .*two folders"):
        writer.write(last, {"text": "t"})
    assert texts(tmp_path / "out" / "one.xml") == ["t", None]
