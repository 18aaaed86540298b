"""``seqloom prepare pages``: the set of lines that it writes, and what it says."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqloom.errors import DataError
from seqloom.interfaces import Example
from seqloom_handwriting.images.file import load_gray
from seqloom_handwriting.pages.prepare import prepare
from seqloom_handwriting.pages.reader import PageReader
from seqloom_handwriting.readers.line_images import LineImageReader

Write = Callable[..., Path]
LINES = [("a", 60, '"first" e\u0301lan'), ("b", 160, None), ("c", 260, "third")]


@pytest.fixture
def folder(alto_page: Write) -> Path:
    quoted = [(name, y, text and text.replace('"', "&quot;")) for name, y, text in LINES]
    alto_page(quoted, name="two")
    return alto_page(quoted, name="one").parent


def test_the_set_is_read_by_line_images(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "set" / "train"
    assert prepare(["pages", str(folder), str(out)]) == 0
    assert capsys.readouterr().out == (
        f"4 lines of 2 pages in {out}.tsv and train.zip; left out: 2 without a text, 0 unusable.\n"
        f"Train with data=line_images data.train={out}.tsv\n"
    )
    rows = (tmp_path / "set" / "train.tsv").read_text().splitlines()
    assert rows[0] == "image\tpage\twidth\theight\ttext"
    assert rows[1].split("\t")[:2] == ["one_000.png", "one"]
    found = list(LineImageReader(train=f"{out}.tsv").examples("train"))
    assert [one.fields["text"] for one in found] == ['"first" \u00e9lan', "third"] * 2
    lines = PageReader(train=str(folder)).examples("train")
    expected = [one for one in lines if isinstance(one, Example)]
    for row, one, other in zip(rows[1:], found, expected, strict=True):
        image = load_gray(one.fields["image"])
        assert (image == other.fields["image"]).all()
        assert row.split("\t")[2:4] == [str(image.shape[1]), str(image.shape[0])]


def test_the_bytes_are_the_same_each_time(folder: Path, tmp_path: Path) -> None:
    for name in ("x", "y"):
        prepare(["pages", str(folder), str(tmp_path / name), "--levels", "16"])
    assert (tmp_path / "x.zip").read_bytes() == (tmp_path / "y.zip").read_bytes()
    assert (tmp_path / "x.tsv").read_bytes() == (tmp_path / "y.tsv").read_bytes()
    with zipfile.ZipFile(tmp_path / "x.zip") as images:
        assert {one.compress_type for one in images.infolist()} == {zipfile.ZIP_STORED}
        with images.open("one_000.png") as png:
            from PIL import Image

            levels = np.unique(np.asarray(Image.open(png)))
    assert set(levels.tolist()) <= set(range(0, 256, 17))


def test_options_reach_the_cutting(folder: Path, tmp_path: Path) -> None:
    options = ["--height", "30", "--no-straighten", "--regions", "MainZone", "Margin"]
    prepare(["pages", str(folder), str(tmp_path / "x"), *options])
    first = (tmp_path / "x.tsv").read_text().splitlines()[1].split("\t")
    assert first[2:4] == [str(round(400 * 30 / 45)), "30"]


def test_a_bad_line_ends_it_or_is_left_out(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "one.png").unlink()
    with pytest.raises(
        DataError, match=r"(?s)one\.png is not beside .*To skip such examples: --on-bad skip"
    ):
        prepare(["pages", str(folder), str(tmp_path / "x")])
    assert not list(tmp_path.glob("*x*"))  # neither the files nor drafts of them
    prepare(["pages", str(folder), str(tmp_path / "x"), "--on-bad", "skip"])
    captured = capsys.readouterr()
    assert captured.err.count("Skipped: ") == 2
    assert "Unusable by page: one.xml 2\n" in captured.err
    assert "2 lines of 1 page" in captured.out
    assert "2 unusable" in captured.out


def test_pages_without_any_text_are_refused(alto_page: Write, tmp_path: Path) -> None:
    xml = alto_page([("a", 60, None), ("b", 160, None)])
    with pytest.raises(DataError) as error:
        prepare(["pages", str(xml), str(tmp_path / "x")])
    assert str(error.value) == f"{xml}: none of the 2 lines has a text; transcribe some."
    assert not list(tmp_path.glob("*x*"))


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--height", "0", "'0' is not a whole number from 1 to 4096"),
        ("--levels", "1", "'1' is not a whole number from 2 to 256"),
        ("--levels", "x", "'x' is not a whole number from 2 to 256"),
    ],
)
def test_wrong_numbers_are_refused(
    option: str, value: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        prepare(["pages", "in", "out", option, value])
    assert said in capsys.readouterr().err


def test_nothing_cut_is_an_error(folder: Path, tmp_path: Path, alto_page: Write) -> None:
    for image in folder.glob("*.png"):
        image.unlink()
    with pytest.raises(DataError, match=r"(?s)By page: one\.xml 2, two\.xml 2\nNo line is left"):
        prepare(["pages", str(folder), str(tmp_path / "x"), "--on-bad", "skip"])
    empty = alto_page([], folder="empty")
    with pytest.raises(DataError, match=r"the XML of the pages has no line, so nothing was"):
        prepare(["pages", str(empty), str(tmp_path / "x")])
    assert not list(tmp_path.glob("*x*"))


def test_every_kind_of_problem_of_a_page_is_skipped(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "broken.xml").write_text("<alto>")
    (folder / "tei.xml").write_text("<TEI/>")
    prepare(["pages", str(folder), str(tmp_path / "x"), "--on-bad", "skip"])
    captured = capsys.readouterr()
    assert captured.out.startswith("4 lines of 2 pages")
    assert "left out: 2 without a text, 1 unusable." in captured.out
    assert f"Skipped: {folder / 'broken.xml'}:1: not well-formed XML" in captured.err


@pytest.mark.parametrize("group", ["page", "folder"])
def test_several_folders_are_split_by_page_or_by_folder(
    alto_page: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str], group: str
) -> None:
    folders = []
    for number in range(4):
        for name in ("one", "two", "three"):
            lines = [("a", 60, f"{number} up {name}"), ("c", 260, f"{number} down {name}")]
            page = alto_page(lines, folder=f"book{number}", name=name)
        folders.append(str(page.parent))
    out = tmp_path / "mine"
    options = ["--val", "0.25", "--test", "0.25", "--group", group]
    prepare(["pages", *folders, str(out), *options])
    said = capsys.readouterr().out
    assert f"data.train={out}-train.tsv data.val={out}-val.tsv data.test={out}-test.tsv" in said
    names = ("train", "val", "test")
    tables = [(tmp_path / f"mine-{name}.tsv").read_text().splitlines()[1:] for name in names]
    pages = [{row.split("\t")[1] for row in table} for table in tables]
    assert [len(table) for table in tables] == [12, 6, 6]
    assert set.union(*pages) == {f"book{n}/{p}" for n in range(4) for p in ("one", "two", "three")}
    assert sum(map(len, pages)) == 12
    if group == "folder":
        assert [len({page.split("/")[0] for page in split}) for split in pages] == [2, 1, 1]
    found = LineImageReader(train=f"{out}-train.tsv").examples("train")
    assert sum(isinstance(one, Example) for one in found) == 12


@pytest.mark.parametrize("other", ["val", "test"])
def test_one_other_split_than_train_is_enough(folder: Path, tmp_path: Path, other: str) -> None:
    prepare(["pages", str(folder), str(tmp_path / "x"), f"--{other}", "0.5"])
    tables = sorted(one.name for one in tmp_path.glob("x-*.tsv"))
    assert tables == sorted(["x-train.tsv", f"x-{other}.tsv"])
    pages = [(tmp_path / name).read_text().splitlines()[1].split("\t")[1] for name in tables]
    assert sorted(pages) == ["one", "two"]


@pytest.mark.parametrize("value", ["1.5", "half"])
def test_a_fraction_that_is_none_is_refused(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        prepare(["pages", "in", "out", "--val", value])
    assert f"'{value}' is not a number from 0 up to 1" in capsys.readouterr().err


def test_a_split_of_which_no_line_can_be_cut_is_named(
    folder: Path, tmp_path: Path, alto_page: Write
) -> None:
    (folder / "broken.xml").write_text("<alto>")
    (folder / "two.png").unlink()
    with pytest.raises(DataError, match=r"no line for (train|val) can be cut, so nothing was wr"):
        prepare(["pages", str(folder), str(tmp_path / "x"), "--on-bad", "skip", "--val", "0.5"])
    assert not list(tmp_path.glob("x*"))


def test_progress_is_said(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from seqloom_handwriting.pages import prepare as module

    monkeypatch.setattr(module, "EVERY", 0)
    prepare(["pages", str(folder), str(tmp_path / "x")])
    assert "2 of 2 pages, 4 lines\n" in capsys.readouterr().err
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    prepare(["pages", str(folder), str(tmp_path / "y")])
    said = capsys.readouterr().err
    assert "1 of 2 pages, 1 line\r" in said  # in place
    assert said.endswith("\n")
