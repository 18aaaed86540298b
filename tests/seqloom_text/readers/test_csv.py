"""CSV and TSV files, well-formed and not, against Python's own writer."""

import csv
import gzip
import io
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.data.split import SplitConfig
from seqloom.errors import ConfigError, DataError, ExampleError
from seqloom.interfaces import Example
from seqloom.testing.readers import usable
from seqloom_text.readers.csv import CsvReader


def write(path: Path, text: str) -> str:
    path.write_bytes(text.encode())
    return str(path)


def fields(examples: list[Example]) -> list[dict[str, object]]:
    return [example.fields for example in examples]


TWO = [{"text": "a b", "label": "x"}, {"text": "c", "label": "y"}]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "text,label\na b,x\nc,y\n"),
        ("a.csv", "text,label\na b,x\nc,y"),
        ("a.csv", "\ufefftext,label\r\na b,x\r\nc,y\r\n\r\n\r\n"),
        ("a.csv", '"text","label"\n"a b",x\nc,"y"\n'),
        ("a.csv", "n,label,text\n1,x,a b\n2,y,c\n"),
        ("a.tsv", "text\tlabel\na b\tx\nc\ty\n"),
    ],
)
def test_forms_of_the_same_data(tmp_path: Path, name: str, text: str) -> None:
    reader = CsvReader(train=write(tmp_path / name, text))
    examples = list(reader.examples("train"))
    assert fields(examples) == TWO
    assert [e.id for e in examples] == ["a:1", "a:2"]
    assert str(examples[1].origin) == f"{tmp_path / name}:3"
    assert list(reader.examples("val")) == []


# A mark of the byte order begins a file, also where files were joined.
cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\ufeff"), min_size=1)


@given(st.lists(st.tuples(cells, cells.filter(str.strip)), min_size=1))
def test_what_python_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    rows = [(text, label.strip()) for text, label in rows if text.strip()] or [("t", "l")]
    out = io.StringIO(newline="")
    csv.writer(out).writerows([("text", "label"), *rows])
    path = tmp_path_factory.mktemp("csv") / "a.csv.gz"
    path.write_bytes(gzip.compress(out.getvalue().encode()))
    examples = list(CsvReader(train=str(path)).examples("train"))
    assert [(e.fields["text"], e.fields["label"]) for e in examples] == rows
    lines = out.getvalue().split("\n")
    for example, (text, _) in zip(examples, rows, strict=True):
        assert example.origin is not None
        assert example.origin.line is not None
        start = text.split("\n")[0].replace('"', '""')
        assert start in lines[example.origin.line - 1]


def test_columns_kinds_and_separators(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv", "id;words;slots;topics\n1;a  b\u00a0c;O B-x;red|blue\n2;d;O;\n"
    )
    reader = CsvReader(
        train=path,
        delimiter=";",
        columns={"tokens": "words", "slots": "slots", "labels": "topics"},
        kinds={"slots": "tags"},
        id_column="id",
    )
    first, second = reader.examples("train")
    assert first.id == "1"
    assert first.fields == {
        "tokens": ["a", "b\u00a0c"],
        "slots": ["O", "B-x"],
        "labels": ["red", "blue"],
    }
    assert second.fields["labels"] == []


def test_without_a_header_columns_have_numbers(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", "x\ta b\ny\tc\n")
    reader = CsvReader(train=path, header=False, columns={"text": "2", "label": "1"})
    assert fields(list(reader.examples("train"))) == TWO
    with pytest.raises(ConfigError, match=r"data\.columns\.text=text: without a header"):
        CsvReader(train=path, header=False)


def test_quotes_may_be_taken_as_they_are(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", 'text\tlabel\n" said he\tx\n"yes" and "no"\ty\n')
    reader = CsvReader(train=path, quoting=False)
    assert [e.fields["text"] for e in reader.examples("train")] == ['" said he', '"yes" and "no"']
    with pytest.raises(DataError, match=r"a\.tsv:2: the row that starts here is not well-formed"):
        usable(CsvReader(train=path).examples("train"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r":1: the file is empty; expected a header"),
        ("text,label\n", "no examples; the file is empty or has a header only"),
        ("txt,label\na,x\n", r":1: no column 'text', from which data.columns.text reads. Did you "
         r"mean 'txt'\? There are: label, txt. .*data.columns='{text: COLUMN"),
        ("text,label\na,x\nb\n", ":3: the row has 1 cell, the header has 2"),
        ("text,label\na,x\nb,y,z\n", ":3: the row has 3 cells, the header has 2"),
        ("text,label\na,x\n ,y\n", ":3: the field 'text' is empty; expected a text"),
        ("text,label\na,\n", ":2: the field 'label' is empty; expected a label"),
        ("text,text,label\na,b,x\n", ":1: the header has the column 'text' more than once"),
        ('text,label\na,x\n"b,y\nc,z\n', ":3: the row that starts here is not well-formed: "
         "unexpected end"),
    ],
)  # fmt: skip
def test_errors_have_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    reader = CsvReader(train=write(tmp_path / "a.csv", text))
    with pytest.raises(DataError, match=rf"a\.csv.*{message}"):
        usable(reader.examples("train"))


def test_an_empty_list_is_named_without_an_article(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "tokens,tags\na b,O O\na,\n")
    columns = {"tokens": "tokens", "tags": "tags"}
    _, error = CsvReader(train=path, columns=columns).examples("train")
    assert isinstance(error, ExampleError)
    assert error.problem == "the field 'tags' is empty; expected tags."


def test_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbftext,label\na,x\ncaf\xe9,y\n")
    with pytest.raises(DataError, match=r":3: not UTF-8: byte 0xe9 at offset 21 of .* \(byte 4"):
        usable(CsvReader(train=str(path)).examples("train"))
    assert path.read_bytes()[21] == 0xE9


def test_a_bad_example_can_be_passed_over(tmp_path: Path) -> None:
    reader = CsvReader(train=write(tmp_path / "a.csv", "text,label\n ,x\nb,y\n"))
    error, example = reader.examples("train")
    assert isinstance(error, ExampleError)
    assert error.example_id == "a:1"
    assert isinstance(example, Example)
    assert example.id == "a:2"


def test_targets_may_be_absent_from_inputs(tmp_path: Path) -> None:
    reader = CsvReader()
    path = write(tmp_path / "a.csv", 'n,text\n1,a b\n2,""\n')
    assert fields(list(reader.inputs([path]))) == [{"text": "a b"}, {"text": ""}]
    with_labels = write(tmp_path / "b.csv", "label,text\nx,a\n,b\n")
    assert fields(list(reader.inputs([with_labels]))) == [
        {"text": "a", "label": "x"},
        {"text": "b"},
    ]
    with pytest.raises(DataError, match="no column 'text'"):
        list(reader.inputs([write(tmp_path / "c.csv", "label\nx\n")]))
    one_column = write(tmp_path / "d.csv", "text\na\n\nb\n")
    assert [e.fields["text"] for e in reader.inputs([one_column])] == ["a", "", "b"]


def test_ids_of_inputs_are_unique(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    paths = [write(tmp_path / name, "text\na\n") for name in ("a.csv", "b/a.csv")]
    assert [e.id for e in CsvReader().inputs(paths)] == ["a:1", "a#2:1"]


def test_equal_file_names_give_different_ids(tmp_path: Path) -> None:
    for split in ("train", "val"):
        (tmp_path / split).mkdir()
        write(tmp_path / split / "a.csv", "text,label\na,x\n")
    reader = CsvReader(**{s: str(tmp_path / s / "a.csv") for s in ("train", "val")})
    ids = [e.id for split in ("train", "val") for e in reader.examples(split)]
    assert ids == ["train/a:1", "val/a:1"]


def test_val_and_test_are_cut_from_train(tmp_path: Path) -> None:
    rows = "".join(f"t{i},{'xy'[i % 2]}\n" for i in range(20))
    path = write(tmp_path / "a.csv", f"text,label\n{rows}")
    reader = CsvReader(train=path, split={"val": 0.2, "test": 0.1, "stratify": "label"})
    parts = {split: [e.id for e in reader.examples(split)] for split in ("train", "val", "test")}
    assert {split: len(ids) for split, ids in parts.items()} == {"train": 14, "val": 4, "test": 2}
    assert sorted(sum(parts.values(), [])) == sorted(f"a:{i}" for i in range(1, 21))  # noqa: RUF017
    again = CsvReader(train=path, split=SplitConfig(val=0.2, test=0.1, stratify="label"))
    assert [e.id for e in again.examples("val")] == parts["val"]


def test_bad_examples_of_a_cut_file_are_reported_once(tmp_path: Path) -> None:
    rows = "".join(f"t{i},x\n" for i in range(8))
    reader = CsvReader(
        train=write(tmp_path / "a.csv", f"text,label\n ,x\n{rows}"), split={"val": 0.25}
    )
    assert len(list(reader.examples("val"))) == 2
    error, *examples = reader.examples("train")
    assert str(error).endswith("a.csv:2: the field 'text' is empty; expected a text.")
    assert len(examples) == 6


def test_a_split_has_one_origin(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "text,label\na,x\n")
    with pytest.raises(ConfigError, match=r"data\.val=.*a\.csv and data\.split\.val=0\.2 both say"):
        CsvReader(train=path, val=path, split={"val": 0.2})
    with pytest.raises(
        ConfigError, match=r"data\.split\.val cuts from data\.train, but data\.train is not set"
    ):
        list(CsvReader(split={"val": 0.2}).examples("val"))
    with pytest.raises(ConfigError, match="No split 'dev'"):
        CsvReader().examples("dev")
    with pytest.raises(ConfigError, match="expected one character"):
        CsvReader(delimiter="||")


def test_nothing_is_opened_before_the_first_example(tmp_path: Path) -> None:
    examples = CsvReader(train=str(tmp_path / "gone.csv")).examples("train")
    with pytest.raises(DataError, match="no such file"):
        next(examples)


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (b"b,x,z\n", "the row has 3 cells, the header has 2"),
        (b"b\n", "the row has 1 cell, the header has 2"),
        (b'"b,x\n', "not well-formed: unexpected end of data"),
        (b'"b" c,x\n', "not well-formed: ',' expected after"),
        (b"caf\xe9,x\n", "not UTF-8: byte 0xe9"),
    ],
)
def test_what_is_wrong_with_one_row_leaves_the_others(
    tmp_path: Path, bad: bytes, problem: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"text,label\na,x\n" + bad + b"c,y\nd,y\n")
    first, error, *rest = CsvReader(train=str(path)).examples("train")
    assert isinstance(error, ExampleError)
    assert f"a.csv:3: {problem}" in str(error).replace("the row that starts here is ", "")
    assert [e.fields["text"] for e in (first, *rest)] == ["a", "c", "d"]


def test_blank_rows_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "seqloom")
    text = '\ufefftext,label\n\na,x\n,\n"b\n\nc",y\n\n'
    path = write(tmp_path / "a.csv", text)
    found = usable(CsvReader(train=path).examples("train"))
    assert [example.fields["text"] for example in found] == ["a", "b\n\nc"]
    assert f"{path}: blank rows are left out: 2, the first at line 2." in caplog.text


def test_parts_of_a_cell_are_not_taken_for_rows(tmp_path: Path) -> None:
    text = 'text,label\n"a\nb",x\n"c, "d"\ne,y",y\nf,y\n'
    found = list(CsvReader(train=write(tmp_path / "a.csv", text)).examples("train"))
    assert [e.fields["text"] for e in found if isinstance(e, Example)] == ["a\nb", "f"]
    assert [str(e).partition(":")[2][:2] for e in found if isinstance(e, ExampleError)] == [
        "4:",
        "5:",
    ]


def test_a_missing_column_of_another_delimiter(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "text\tlabel\na\tx\n")
    with pytest.raises(
        DataError, match=r"With '\\t' between the cells there is one: data\.delim.*=tab"
    ):
        list(CsvReader(train=path).examples("train"))
    path_of_excel = write(tmp_path / "b.csv", "Text;Label;Note\na;x;1,5\n")
    with pytest.raises(
        DataError, match=r"With ';' between the cells there are 3 columns: data\.delimiter='\";\"'"
    ):
        list(CsvReader(train=path_of_excel).examples("train"))
    for name in ("tab", r"\t"):
        assert fields(usable(CsvReader(train=path, delimiter=name).examples("train")))


def test_lists_in_cells(tmp_path: Path) -> None:
    rows = [
        ["words", "tags", "topics"],
        ["['New', \"isn't\"]", "[0 1]", "['a' 'b']"],
        ["x [1]", "[O] O", "[]"],
    ]
    path = tmp_path / "a.csv"
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    columns = {"tokens": "words", "tags": "tags", "labels": "topics"}
    assert fields(usable(CsvReader(train=str(path), columns=columns).examples("train"))) == [
        {"tokens": ["New", "isn't"], "tags": ["0", "1"], "labels": ["a", "b"]},
        {"tokens": ["x", "[1]"], "tags": ["[O]", "O"], "labels": []},
    ]


def test_lists_where_one_value_is_due(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = "text,label\n\"['good', 'fine']\",a\n\"['hate']\",b\n[sic] c,\"['x', 'y']\"\nd,[e]\n"
    first, second, error, last = CsvReader(train=write(tmp_path / "a.csv", text)).examples("train")
    assert isinstance(error, ExampleError)
    assert "a.csv:4: the field 'label' is wrong: expected one class, found the list" in str(error)
    assert len(fields([first, second, last])) == 3  # type: ignore[list-item]
    assert caplog.text.count("is a list, ") == 1
    assert (
        "a.csv:2: the field 'text' is a list, \"['good', 'fine']\", but is read as" in caplog.text
    )


def test_a_list_that_python_cannot_read_is_wrong(tmp_path: Path) -> None:
    rows = "text,label\n\"['a', 'b\\x4']\",x\n"
    reader = CsvReader(train=write(tmp_path / "a.csv", rows), kinds={"text": "tokens"})
    [error] = reader.examples("train")
    assert "a.csv:2: " in str(error)
    assert "is not as Python writes it" in str(error)


@pytest.mark.parametrize("group", [None, "1"])
def test_a_file_without_rows_has_no_examples(tmp_path: Path, group: str | None) -> None:
    columns = {"text": "2", "label": "3"}
    reader = CsvReader(columns=columns, header=False, group_column=group)
    assert not [*reader.inputs([write(tmp_path / "a.csv", "\n")])]


def test_a_column_of_ids_that_is_not_there_is_named(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "text,label\na,x\n")
    with pytest.raises(DataError, match=r"a.csv:1: .*'number'.*data.id_column"):
        list(CsvReader(train=file, id_column="number").examples("train"))
    assert fields(list(CsvReader(id_column="number").inputs([file])))[0]["text"] == "a"


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("['a' 'b' ... 'z']", "has '...' where items were left out"),
        ("\"['a', 'b', 'c\"", "the list \"['a', 'b', 'c\" has no end"),
        ("\"['a', 'b', nan]\"", "is not as Python writes it"),
    ],
)
def test_a_list_that_was_cut_is_wrong(
    tmp_path: Path, cell: str, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "a.csv", f"tokens\n{cell}\n")
    (error,) = CsvReader(columns={"tokens": "tokens"}).inputs([path])
    assert isinstance(error, ExampleError)
    assert told in str(error)
    (text,) = CsvReader(columns={"text": "tokens"}).inputs([path])
    assert isinstance(text, Example)
    assert "a.csv:2: the field 'text' is a list" in caplog.text


def test_a_table_of_tokens_without_rows_has_no_examples(tmp_path: Path) -> None:
    reader = CsvReader(columns={"tokens": "t"}, kinds={"tokens": "tokens"}, group_column="s")
    assert not [*reader.inputs([write(tmp_path / "a.csv", "s,t\n")])]


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (("a;b", "b;c", "a", "c;d"), "but 3 have ';'. If that separates them"),
        (("a;b", "b;c", "a|b", "c;d"), ""),
        (("a;b", "b;c", "a", "c"), ""),
    ],
)
def test_another_separator_of_labels_is_told(
    tmp_path: Path, labels: tuple[str, ...], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,labels\n" + "".join(f"x,{one}\n" for one in labels), "utf-8")
    columns = {"text": "text", "labels": "labels"}
    usable(CsvReader(train=str(path), columns=columns).examples("train"))
    assert told in caplog.text
    assert bool(caplog.text) == bool(told)


def test_the_mark_of_excel_is_no_line_of_a_table_that_is_recognized() -> None:
    assert CsvReader().recognize(['"sep=;"', "text;label", "a;x"]) == {"delimiter": ";"}


@pytest.mark.parametrize("row", ["spam\ta b", "x\ty\tz"])
def test_a_table_without_a_header_is_told_how_it_is_read(tmp_path: Path, row: str) -> None:
    path = write(tmp_path / "a.tsv", f"{row}\n{row}\n")
    with pytest.raises(DataError, match=r"If there is no header, set data\.header=false and"):
        usable(CsvReader(train=path).examples("train"))
    path = write(tmp_path / "b.tsv", "text\tlabl\na\tx\n")
    with pytest.raises(DataError) as found:
        usable(CsvReader(train=path).examples("train"))
    assert "no header" not in str(found.value)
