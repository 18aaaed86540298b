"""Tables with a row for each token of a sentence."""

from pathlib import Path

import pytest

from seqloom.errors import DataError, ExampleError
from seqloom.interfaces import Example
from seqloom.testing.readers import usable
from seqloom_text.readers.csv import CsvReader


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_rows_of_one_sentence_are_grouped(tmp_path: Path) -> None:
    text = (
        "n,word,tag,kind\nS1,New,B-X,a\n,York,I-X,\n"
        "S2,ok,O,b\nS2,bad,O,c,d\nS2,so,O,c\nS3,no,,a\nS4,q,O,a\n"
    )
    path = write(tmp_path / "a.csv", text)
    reader = CsvReader(
        train=path,
        columns={"tokens": "word", "tags": "tag", "label": "kind"},
        group_column="n",
    )
    first, wide, empty, last = reader.examples("train")
    assert isinstance(first, Example)
    assert first.fields == {"tokens": ["New", "York"], "tags": ["B-X", "I-X"], "label": "a"}
    assert isinstance(wide, ExampleError)
    assert "a.csv:5: the row has 5 cells" in str(wide)
    assert isinstance(empty, ExampleError)
    assert "a.csv:7: the field 'tags' is wrong: item 1 of 1 is empty" in str(empty)
    assert isinstance(last, Example)
    assert [last.id, str(last.origin)] == ["a:4", f"{path}:8"]
    with pytest.raises(DataError, match=r"no column 'x', from which data\.group_column reads"):
        list(CsvReader(columns={"tokens": "word"}, group_column="x").inputs([path]))


def test_rows_of_a_sentence_that_are_apart_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "a.csv", "n,word,tag\n1,a,O\n,b,O\n2,c,O\n1,d,O\n2,e,O\n2,f,O\n")
    reader = CsvReader(train=path, columns={"tokens": "word", "tags": "tag"}, group_column="n")
    assert len(usable(reader.examples("train"))) == 4
    assert "2 sentences begin with a value of data.group_column=n that came before" in caplog.text
    assert "the first at line 5" in caplog.text


def test_one_token_a_row_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / "a.csv", "word,tag\n" + "a,O\n" * 60)
    columns = {"tokens": "word", "tags": "tag"}
    assert len(usable(CsvReader(train=path, columns=columns).examples("train"))) == 60
    assert "each of the 60 examples has one token" in caplog.text
    assert "data.group_column=COLUMN" in caplog.text
    assert "blank rows end" not in caplog.text
    write(tmp_path / "a.csv", "word,tag\n" + "a,O\n\n" * 60)
    usable(CsvReader(train=path, columns=columns).examples("train"))
    assert "Where blank rows end sentences, as here, remove the header and read" in caplog.text
    caplog.clear()
    write(tmp_path / "a.csv", "word,tag\n" + "a,O\n" * 60 + "a b,O O\n")
    usable(CsvReader(train=path, columns=columns).examples("train"))
    assert not caplog.text
