"""Folders of brat: a text each, and the annotations beside it."""

import logging
from pathlib import Path

import pytest

from seqloom.errors import DataError, ExampleError
from seqloom.interfaces import Example
from seqloom.testing.readers import usable
from seqloom_text.readers.spans import SpansReader

TEXT = "Ada met Li in Oslo\nand Ada Lovelace.\n"
ANN = "T1\tPER 0 3\tAda\n"


def write(folder: Path, **files: str) -> str:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        stem, _, suffix = name.rpartition("_")
        (folder / f"{stem}.{suffix}").write_bytes(content.encode())
    return str(folder)


def one_of(folder: Path, ann: str, text: str = TEXT) -> Example | ExampleError:
    (found,) = SpansReader(train=write(folder, a_txt=text, a_ann=ann)).examples("train")
    return found


def entities(example: Example) -> list[tuple[str, str]]:
    pairs = zip(example.fields["tokens"], example.fields["tags"], strict=True)
    return [(token, tag) for token, tag in pairs if tag != "O"]


def test_documents_of_a_folder(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "seqloom")
    more = (
        "R1\tKnows Arg1:T1 Arg2:T2\nA1\tSure T1\n#1\tNote T1\tx\nN1\tRef T1 W:1\tA\nE1\tT1 a:T2\n"
    )
    more += "*\tEquiv T1 T2\nM1\tNeg E1\n\n"
    folder = write(tmp_path / "c", b_txt=TEXT, b_ann=f"{ANN}T2\tLOC 14 18\tOslo\r\n{more}")
    write(tmp_path / "c" / "sub", a_txt="No one.\r\n", a_ann="", readme_txt="About this.")
    first, second = usable(SpansReader(train=folder).examples("train"))
    assert [one.id for one in (first, second)] == ["c:b", "c:sub/a"]
    assert (first.fields["text"], str(first.origin)) == (TEXT, f"{folder}/b.txt:1")
    assert entities(first) == [("Ada", "B-PER"), ("Oslo", "B-LOC")]
    assert entities(second) == []
    assert f"{folder}: 1 text is left out. There is no .ann file: 1." in caplog.text
    told = [one.message for one in caplog.records if "left out are" in one.message]
    assert told == [
        f"{folder}: only spans of text are read (T1, T2 …); left out are attributes: 1, "
        "equivalences: 1, events: 1, modifications: 1, normalizations: 1, notes: 1, relations: 1."
    ]
    (single,) = usable(SpansReader(train=f"{folder}/b.ann").examples("train"))
    assert single.fields == first.fields
    assert len(usable(SpansReader().inputs([folder]))) == 3


def test_pieces_with_only_a_line_end_between_are_one_span(tmp_path: Path) -> None:
    text = "met Ada\r\n Lovelace"
    found = one_of(tmp_path / "c", "T1\tPER 4 7;10 18\tAda Lovelace\n", text)
    assert isinstance(found, Example)
    assert entities(found) == [("Ada", "B-PER"), ("Lovelace", "I-PER")]


@pytest.mark.parametrize(
    ("ann", "line", "told"),
    [
        (f"{ANN}T2\tPER 0 3;8 10\tAda Li\n", 2, r"T2 \(PER\) has 2 pieces, 0 3;8 10, .*keep one"),
        (f"{ANN}T2\tDUO 0 10\tAda met Li\n", 2, "span 0 to 3 'PER' and .* 0 to 10 'DUO' overlap"),
        ("\nT1\tPER 4 7\tAda\n", 2, "is 'met' in the text, but 'Ada' according to"),
        ("T1\tPER 0 99\tAda\n", 1, "is not in the text, which has"),
        ("T1\tPER 3 0\tAda\n", 1, "ends before it begins"),
        ("T1 PER 0 3 Ada\n", 1, "'T1 PER 0 3 Ada': expected T1<TAB>TYPE START END<TAB>TEXT"),
        (f"{ANN}T2\tPER -1 3\tAda\n", 2, "expected T1<TAB>TYPE"),
        ("Ada\tB-PER\n", 1, "not a brat annotation"),
    ],
)
def test_what_is_wrong_names_the_line_of_the_annotations(
    tmp_path: Path, ann: str, line: int, told: str
) -> None:
    folder = write(tmp_path / "c", b_txt="Li", b_ann="T1\tPER 0 2\tLi\n")
    wrong = one_of(tmp_path / "c" / "a", ann)
    assert isinstance(wrong, ExampleError)
    with pytest.raises(ExampleError, match=rf"c/a/a\.ann:{line}: .*{told}"):
        raise wrong
    found = list(SpansReader(train=folder).examples("train"))  # the others are usable
    assert [isinstance(one, Example) for one in found] == [False, True]
    assert len(usable(SpansReader().inputs([folder]))) == 2


def test_a_missing_or_unreadable_text_is_an_error_of_its_own(tmp_path: Path) -> None:
    folder = write(tmp_path / "c", a_ann=ANN, b_txt="Li", b_ann="")
    (tmp_path / "c" / "d.txt").write_bytes(b"ok\nM\xfcller")
    first, second, third = SpansReader(train=folder).examples("train")
    assert isinstance(second, Example)
    assert "a.ann:1: there is no a.txt with the text of the spans beside it" in str(first)
    assert "d.txt:1: line 2: not UTF-8: byte 0xfc at offset 4" in str(third)


def test_folders_and_files_that_are_not_of_brat(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    with pytest.raises(DataError, match=r"c: the folder has no \.txt files; data=spans reads"):
        list(SpansReader(train=str(tmp_path / "c")).examples("train"))
    with pytest.raises(DataError, match=r"a\.ann: no such file"):
        list(SpansReader(train=str(tmp_path / "a.ann")).examples("train"))


def test_only_files_that_are_not_hidden_are_documents(tmp_path: Path) -> None:
    folder = write(tmp_path / "c", a_txt=TEXT, a_ann=ANN)
    write(tmp_path / "c" / ".ipynb_checkpoints", b_txt=TEXT, b_ann=ANN)
    (tmp_path / "c" / "dir.txt").mkdir()
    (found,) = SpansReader(train=folder).examples("train")
    assert isinstance(found, Example)
    (tmp_path / ".d").mkdir()  # one that is named is read
    hidden = write(tmp_path / ".d" / "e", a_txt=TEXT, a_ann=ANN)
    assert len(usable(SpansReader(train=hidden).examples("train"))) == 1


def test_suffixes_in_capitals_are_read(tmp_path: Path) -> None:
    folder = write(tmp_path / "c", a_txt=TEXT, a_ANN=ANN, b_TXT=TEXT, b_Ann=ANN)
    write(tmp_path / "c", c_TXT=TEXT, c_ann=ANN)
    found = usable(SpansReader(train=folder).examples("train"))
    assert [entities(one) for one in found] == [[("Ada", "B-PER")]] * 3
    for name in ("a.ANN", "c.ann"):
        (one,) = usable(SpansReader(train=f"{folder}/{name}").examples("train"))
        assert entities(one) == [("Ada", "B-PER")]
