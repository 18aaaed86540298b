"""Line images in tables, folders and zip files; no image is lost without a word."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from seqloom.errors import ConfigError, DataError, ExampleError
from seqloom.interfaces import Example
from seqloom_handwriting.images.file import ImageFile
from seqloom_handwriting.readers.line_images import LineImageReader


def png(level: int = 0) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (3, 2), level).save(stream, "PNG")
    return stream.getvalue()


def fill(place: Path, files: Mapping[str, bytes | str]) -> str:
    """Write the files into a folder, or into a zip file by the name of the place."""
    contents = {n: c.encode() if isinstance(c, str) else c for n, c in files.items()}
    if place.suffix == ".zip":
        with zipfile.ZipFile(place, "w") as archive:
            for name, content in contents.items():
                archive.writestr(name, content)
        return str(place)
    for name, content in contents.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    return str(place)


def told(examples: list[Example]) -> list[tuple[str, object]]:
    return [(e.id, e.fields.get("text")) for e in examples]


@pytest.mark.parametrize("place", ["lines", "lines.zip"])
def test_images_with_texts_beside_them(tmp_path: Path, place: str) -> None:
    files = {
        "p10.png": png(10), "p10.txt": "ten\r\n",
        "p9.JPG": png(9), "p9.gt.txt": "\ufeffnine \n\n", "p9.txt": "not this",
        "sub/a.tif": png(1), "sub/a.txt": "",
        ".hidden/x.png": png(), "__MACOSX/._p9.JPG": b"",
        "notes.md": "not looked at",
    }  # fmt: skip
    path = fill(tmp_path / place, files)
    examples = list(LineImageReader(train=path).examples("train"))
    assert told(examples) == [("p9.JPG", "nine \n"), ("p10.png", "ten"), ("sub/a.tif", "")]
    assert [e.fields["image"].load()[0, 0] for e in examples] == [9, 10, 1]
    assert str(examples[2].origin) == f"{path}/sub/a.tif"
    inputs = list(LineImageReader().inputs([path]))
    assert [e.fields for e in inputs] == [e.fields for e in examples]


@pytest.mark.parametrize("place", ["lines", "lines.zip"])
def test_suffixes_of_texts_may_be_capitals(tmp_path: Path, place: str) -> None:
    files = {"A.PNG": png(1), "A.TXT": "one", "b.png": png(2), "b.GT.TXT": "two", "c.TXT": "three"}
    *examples, alone = LineImageReader(train=fill(tmp_path / place, files)).examples("train")
    assert told([one for one in examples if isinstance(one, Example)]) == [
        ("A.PNG", "one"),
        ("b.png", "two"),
    ]
    assert str(alone).endswith("c.TXT: a text without an image of the same name beside it.")


@pytest.mark.parametrize("place", ["lines", "lines.zip"])
def test_images_that_cannot_be_read_are_counted(
    tmp_path: Path, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = fill(tmp_path / place, {"a.png": png(1), "b.gif": png(2), "c.JP2": png(3), "c.md": ""})
    found = LineImageReader().inputs([path])
    assert [one.id for one in found if isinstance(one, Example)] == ["a.png"]
    assert caplog.messages == [
        f"{path}: files in unsupported formats are ignored: 1 .gif, 1 .jp2. Convert them, "
        "for example to .png."
    ]


@pytest.mark.parametrize("place", ["lines", "lines.zip"])
def test_a_table_may_have_the_backslashes_of_windows(tmp_path: Path, place: str) -> None:
    path = fill(tmp_path / place, {"sub/a.png": png(1), r"odd\b.png": png(2), "odd/b.png": png(3)})
    table = tmp_path / "all.tsv"
    table.write_text("image\ttext\nsub\\a.png\tone\nodd\\b.png\ttwo\nD:\\a.png\tthree\n")
    one, two, error = LineImageReader(train=str(table), images=path).examples("train")
    assert isinstance(one, Example)
    assert isinstance(two, Example)
    assert (one.id, one.fields["image"].load()[0, 0]) == ("sub/a.png", 1)
    assert (two.id, two.fields["image"].load()[0, 0]) == (r"odd\b.png", 2)
    assert isinstance(error, ExampleError)
    assert "The backslashes suggest a Windows path" in str(error)


def test_of_the_versions_of_an_image_one_is_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = {
        "1.bin.png": png(1), "1.nrm.png": png(2), "1.gt.txt": "one",
        "2.nrm.png": png(3), "2.png": png(4), "2.gt.txt": "two",
        "3.bin.png": png(5), "3.bin.gt.txt": "three", "4.bin.png": png(6), "4.gt.txt": "four",
    }  # fmt: skip
    path = fill(tmp_path / "lines", files)
    with caplog.at_level("INFO"):
        found = told(list(LineImageReader(train=path).examples("train")))
    assert found == [
        ("1.nrm.png", "one"), ("2.png", "two"), ("3.bin.png", "three"), ("4.bin.png", "four")
    ]  # fmt: skip
    assert "2 images are other versions of a line, such as .bin.png" in caplog.text
    assert len(list(LineImageReader().inputs([path]))) == 6  # each is predicted


def test_ids_say_the_split_where_two_splits_have_files_of_one_name(tmp_path: Path) -> None:
    train = fill(tmp_path / "train", {"a.png": png(), "a.txt": "a", "b.png": png(), "b.txt": "b"})
    fill(tmp_path, {"val.tsv": "image\ttext\na.png\tone\n", "val/a.png": png()})
    test = fill(tmp_path / "test.zip", {"c.png": png(), "c.txt": "c"})
    reader = LineImageReader(train=train, val=str(tmp_path / "val.tsv"), test=test)
    ids = {split: [e.id for e in reader.examples(split)] for split in ("test", "val", "train")}
    assert ids == {"train": ["train/a.png", "train/b.png"], "val": ["val/a.png"], "test": ["c.png"]}
    absent = LineImageReader(train=train, val=str(tmp_path / "absent.tsv"))
    assert [e.id for e in absent.examples("train")] == ["a.png", "b.png"]


@pytest.mark.parametrize("place", ["lines", "lines.zip"])
def test_what_lacks_its_other_half_is_an_error_and_reading_goes_on(
    tmp_path: Path, place: str
) -> None:
    files = {"a.png": png(), "b.png": png(), "b.txt": "b", "c.gt.txt": "c", "d.png": png()}
    path = fill(tmp_path / place, {**files, "d.txt": b"\xe9"})
    found = list(LineImageReader(val=path).examples("val"))
    assert [str(one) if isinstance(one, ExampleError) else one.id for one in found] == [
        f"{path}/a.png: no text beside the image; expected a.gt.txt or a.txt.",
        "b.png",
        f"{path}/c.gt.txt: a text without an image of the same name beside it.",
        f"{path}/d.png: the text {path}/d.txt is not UTF-8: unexpected end of data.",
    ]
    assert told(list(LineImageReader().inputs([path]))) == [
        ("a.png", None), ("b.png", "b"), ("d.png", None),
    ]  # fmt: skip


@pytest.mark.parametrize("place", ["lines", "lines.zip"])
def test_texts_that_are_not_found_are_told_where_splits_are_cut(tmp_path: Path, place: str) -> None:
    files = {"a.png": png(), "a.transcript": "a", "b.png": png(), "b.xml": "<alto/>"}
    path = fill(tmp_path / place, files)
    with pytest.raises(DataError) as caught:
        LineImageReader(train=path, split={"val": 0.1}).examples("train")
    assert str(caught.value) == (
        f"2 examples of data.train={path} cannot be used:\n"
        f"  {path}/a.png: no text beside the image; expected a.gt.txt or a.txt.\n"
        f"  {path}/b.png: no text beside the image; expected b.gt.txt or b.txt. Pages with ALTO or "
        "PAGE XML (b.xml) are read by data=pages.\n"
        "Fix the data: there is no other example."
    )


def test_a_file_that_is_missing_is_named_where_too_few_are_left(tmp_path: Path) -> None:
    fill(tmp_path, {"a.png": png(), "t.tsv": "image\ttext\na.png\ta\nno.png\tb\n"})
    with pytest.raises(DataError, match=r"t\.tsv:3: the file 'no\.png' is not in .*\n.*0\.1 of 1"):
        LineImageReader(train=str(tmp_path / "t.tsv"), split={"val": 0.1}).examples("train")


def test_the_current_folder_is_named_where_an_image_is_not_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.tsv").write_text("image\ttext\nno.png\tz\n")
    (found,) = LineImageReader(test="t.tsv").examples("test")
    assert str(found) == f"t.tsv:2: the file 'no.png' is not in the folder {tmp_path}."


@pytest.mark.parametrize("images", ["t.zip", "t", "else.zip", "else", "."])
def test_where_the_images_of_a_table_are(tmp_path: Path, images: str) -> None:
    fill(tmp_path / images, {"a.png": png(1), "x/b.png": png(2)})
    table = tmp_path / "t.tsv"
    table.write_text('image\tpage\ttext\nx/b.png\t7\t"quoted"\nno.png\t7\t\na.png\t8\tz\n')
    given = str(tmp_path / images) if images.startswith("else") else None
    reader = LineImageReader(
        test=str(table), images=given, columns={"image": "image", "text": "text", "page": "page"}
    )
    found = list(reader.examples("test"))
    place = "zip file" if images.endswith(".zip") else "folder"
    assert str(found[1]) == (
        f"{table}:3: the file 'no.png' is not in the {place} {(tmp_path / images).resolve()}."
    )
    good = [one for one in found if isinstance(one, Example)]
    assert told(good) == [("x/b.png", '"quoted"'), ("a.png", "z")]
    assert [e.fields["image"].load()[0, 0] for e in good] == [2, 1]
    assert [(str(e.origin), e.meta) for e in good] == [
        (f"{table}:2", {"page": "7"}),
        (f"{table}:4", {"page": "8"}),
    ]


def test_the_folder_of_a_table_s_name_goes_before_the_table_s_own(tmp_path: Path) -> None:
    fill(tmp_path, {"t/a.png": png(1), "a.png": png(2), "b.png": png(3), "t/c.png": png(4)})
    (tmp_path / "t.csv").write_text("image,text\na.png,x\nb.png,y\nt/c.png,z\n")
    examples = LineImageReader(train=str(tmp_path / "t.csv")).examples("train")
    assert [example.fields["image"].load()[0, 0] for example in examples] == [1, 3, 4]


def test_letters_from_right_to_left_are_warned_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    texts = {"a": "12 left", "b": "12 \u0634\u0645\u0633", "c": "\u05d0"}
    fill(tmp_path, {f"{name}.txt": text for name, text in texts.items()})
    path = fill(tmp_path, {f"{name}.png": png() for name in texts})
    reader = LineImageReader(train=path, val=path)
    assert [e.fields["text"] for e in reader.examples("train")] == list(texts.values())
    assert len(list(reader.examples("val"))) == 3
    (message,) = caplog.messages
    assert message == (
        f"{path}/b.png: the text '12 \u0634\u0645\u0633' has letters that run from right to "
        "left, but images are read from left to right. Such texts can only be learnt if their "
        "characters are in the order of the image (visual order, as a bidi algorithm makes it); "
        "predictions then have that order too. This is shown once."
    )


def test_inputs_in_the_order_given(tmp_path: Path) -> None:
    fill(tmp_path, {"b.png": png(), "a.png": png(), "t.csv": "image\na.png\n"})
    fill(tmp_path / "z.zip", {"2.png": png(), "10.png": png()})
    paths = [str(tmp_path / name) for name in ("b.png", "z.zip", "t.csv", "a.png")]
    examples = list(LineImageReader().inputs(paths))
    assert [e.id for e in examples] == ["b.png", "2.png", "10.png", "a.png", "a.png#2"]
    assert examples[0].fields == {"image": ImageFile(paths[0])}
    assert examples[1].fields == {"image": ImageFile(paths[1], "2.png")}
    assert [str(e.origin) for e in examples[2:4]] == [f"{paths[1]}/10.png", f"{paths[2]}:2"]


def test_inputs_are_read_one_by_one(tmp_path: Path) -> None:
    fill(tmp_path, {"b.png": png()})
    inputs = LineImageReader().inputs([str(tmp_path / "b.png"), str(tmp_path / "none.png")])
    assert next(inputs).id == "b.png"
    with pytest.raises(DataError, match=r"none.png: no such file in .* Did you mean 'b.png'"):
        next(inputs)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    fill(tmp_path, {"a.png": png(), "a.doc": b"", "t.tsv": "image\ttext\n", "b.zip": b"no zip"})
    fill(tmp_path / "empty", {"sub/notes.md": b""})
    (tmp_path / "c.zip").write_bytes(b"no zip")
    for name, message in {
        "a.doc": "a.doc: a file of this kind cannot be read; expected a table (.tsv, .csv), a "
        "folder or a .zip file.",
        "a.png": "a.png: a file of this kind cannot be read; expected a table",
        "t.tsv": "t.tsv: no examples in it.",
        "empty": "empty: no examples in it.",
        "c.zip": "c.zip cannot be opened as a zip file: File is not a zip file.",
        "none.zip": "none.zip: no such file in ",
    }.items():
        with pytest.raises(DataError) as caught:
            list(LineImageReader(train=str(tmp_path / name)).examples("train"))
        assert str(caught.value).startswith(f"{tmp_path}/{message}")
    for name, message in {
        "a.doc": "a file of this kind cannot be read; expected a file (.png, .jpg, .jpeg, .tif, "
        ".tiff, .bmp, .webp, .pgm), a table (.tsv, .csv), a folder or a .zip file.",
        "empty": "no examples in it.",
    }.items():
        with pytest.raises(DataError) as caught:
            list(LineImageReader().inputs([str(tmp_path / name)]))
        assert str(caught.value) == f"{tmp_path / name}: {message}"
    with pytest.raises(
        DataError, match=r"^- \(standard input\) cannot be read .*\. Pass a file \("
    ):
        list(LineImageReader().inputs(["-"]))


def test_splits(tmp_path: Path) -> None:
    table = "image\ttext\tpage\n" + "".join(f"{i}.png\t{i}\t{i // 5}\n" for i in range(40))
    fill(tmp_path, {f"{i}.png": png() for i in range(40)} | {"t.tsv": table + "no.png\tx\t9\n"})
    columns = {"image": "image", "text": "text", "page": "page"}
    cut = {"val": 0.25, "test": 0.125, "group": "page"}
    reader = LineImageReader(train=str(tmp_path / "t.tsv"), columns=columns, split=cut)
    train = list(reader.examples("train"))
    assert isinstance(train[0], ExampleError)
    parts = [[e for e in train if isinstance(e, Example)]]
    parts += [list(reader.examples(name)) for name in ("val", "test")]
    assert [len(part) for part in parts] == [25, 10, 5]
    pages = [{e.meta["page"] for e in part} for part in parts]
    assert not pages[0] & pages[1] | pages[1] & pages[2] | pages[0] & pages[2]
    assert list(LineImageReader(train="x").examples("test")) == []
    with pytest.raises(ConfigError, match=r"No split 'dev'"):
        reader.examples("dev")
    with pytest.raises(ConfigError, match=r"data.val=y and data.split.val=0.1 both say where val"):
        LineImageReader(train="x", val="y", split={"val": 0.1})


names = st.lists(
    st.tuples(st.sampled_from(["", "p", "p1", "q/"]), st.integers(0, 10**30)), unique=True
)


@given(names)
def test_numbers_in_names_sort_by_value(
    tmp_path_factory: pytest.TempPathFactory, names: list[tuple[str, int]]
) -> None:
    files = {f"{stem}-{number}.png": b"" for stem, number in names} or {"-0.png": b""}
    path = fill(tmp_path_factory.mktemp("names") / "a.zip", files)
    ids = [e.id for e in LineImageReader().inputs([path])]
    assert sorted(ids) == sorted(files)
    for stem in ("", "p", "p1", "q/"):
        numbers = [int(i[len(stem) + 1 : -4]) for i in ids if i.startswith(stem + "-")]
        assert numbers == sorted(numbers)


@pytest.mark.realdata
def test_real_lines(real_data: Path) -> None:
    folder = real_data / "peraire_lines"
    reader = LineImageReader(**{n: str(folder / f"{n}.tsv") for n in ("train", "val", "test")})
    splits = {name: list(reader.examples(name)) for name in ("train", "val", "test")}
    assert {name: len(part) for name, part in splits.items()} == {
        "train": 2069, "val": 204, "test": 262,
    }  # fmt: skip
    assert told(splits["train"][:1]) == [
        ("B.1.intro-eurasie_0005_001.png", "malgre les moyens mis en oeuvre. Cependant, et mon")
    ]
    assert np.shape(splits["val"][0].fields["image"].load()) == (64, 807)
    assert len(list(reader.inputs([str(folder / "test.zip")]))) == 262
