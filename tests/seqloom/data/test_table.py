"""Tables and text files, well-formed and not, against Python's own writer."""

import csv
import gzip
import io
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.data import Table, TextFile, file_stem
from seqloom.data import table as table_module
from seqloom.errors import DataError

COLUMNS = {"a": "first", "b": "second"}


def rows(path: Path, content: bytes, **options: Any) -> list[tuple[int, str, dict[str, str]]]:
    path.write_bytes(content)
    options = {"quoting": ".csv" in path.name, "skip_blank": True} | options
    found = Table(str(path), **options).rows(COLUMNS)
    return [(row.number, str(row.origin), row.values) for row in found]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.tsv", b'first\tsecond\n1 "x"\ty,z\n2\t\n'),
        ("t.TSV", b'\xef\xbb\xbfsecond\tx\tfirst\r\ny,z\t0\t1 "x"\r\n\t0\t2\r\n\r\n'),
        ("t.csv", b'first,second\n"1 ""x""","y,z"\n2,""'),
        ("t.csv.gz", gzip.compress(b'first,second\n"1 ""x""","y,z"\n2,""', mtime=0)),
    ],
)
def test_forms_of_the_same_table(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    assert rows(path, content) == [
        (1, f"{path}:2", {"a": '1 "x"', "b": "y,z"}),
        (2, f"{path}:3", {"a": "2", "b": ""}),
    ]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_header_in_the_middle_is_no_row(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"first,second\n1,2\n{mark}first,second\nfirst,4\n", encoding="utf-8")
    found = list(Table(str(path), problems=True).rows(COLUMNS))
    assert [(row.number, bool(row.problem)) for row in found] == [(1, 0), (2, 1), (3, 0)]
    with pytest.raises(DataError, match=r"t\.csv:3: the header appears again; were"):
        list(Table(str(path)).rows(COLUMNS))


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"))


@given(st.lists(st.tuples(cells, cells), max_size=5))
def test_what_python_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([("first", "second"), *pairs])
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    found = rows(path, out.getvalue().encode())
    assert [tuple(values.values()) for _, _, values in found] == pairs
    lines = out.getvalue().split("\n")
    for (_, origin, _), (first, _) in zip(found, pairs, strict=True):
        line = int(origin.rpartition(":")[2])
        assert first.split("\n")[0].replace('"', '""') in lines[line - 1]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.tsv", b"", "1: the file is empty; expected a header with the columns' names."),
        ("t.tsv", b"first\tsecnd\n", "1: no column 'second', from which data.columns.b reads. "
         "Did you mean 'secnd'?"),
        ("t.tsv", b"first\tsecond\tfirst\n", "1: the header has the column 'first' more than"),
        ("t.tsv", b"first\tsecond\n1\t2\n\n1\n", "4: the row has 1 cell, the header has 2. Is "
         "the delimiter right"),
        ("t.csv", b'first,second\n1,"2\n', "2: the row that starts here is not well-formed: "),
        ("t.tsv", b"first\tsecond\nab\xff\t2\n", "2: not UTF-8: byte 0xff at offset 15 of "
         "the file (byte 3 of the line)."),
    ],
)  # fmt: skip
def test_malformed_tables(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(DataError) as caught:
        rows(tmp_path / name, content)
    assert str(caught.value).startswith(f"{tmp_path / name}:{message}")


@pytest.mark.parametrize(
    ("content", "params"),
    [
        ("sep=;\nfirst;second\n1;2\n", {}),
        ("\ufeffsep=;\r\nfirst;second\r\n1;2\r\n", {}),
        ('"sep=;"\nfirst;second\n1;2\n', {}),
        ("sep=\t\nfirst\tsecond\n1\t2\n", {}),
        ("sep=;\nfirst,second\n1,2\n", {"delimiter": ","}),
        ("sep=;\nfirst;second\n1;2\n", {"quoting": False}),
    ],
)
def test_the_line_of_excel_names_the_delimiter(
    tmp_path: Path, content: str, params: dict[str, Any]
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content.encode())
    (row,) = Table(str(path), **params).rows(COLUMNS)
    assert (row.values, row.origin.line) == ({"a": "1", "b": "2"}, 3)


def test_a_cr_in_a_row_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"t\.csv:2: .* a CR that ends no line and is in no quoted"):
        rows(tmp_path / "t.csv", b"first,second\na,b\rc,d\n")


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        (b"first,second\na,b\rc,d\n", COLUMNS),
        (b"first,second\na,b\nc\n", COLUMNS),
        (b"first,first\na,b\n", COLUMNS),
        (b"first,second\na,b\n", {"a": "third"}),
        (b"\n\nfirst,second\na,b\n", COLUMNS),
    ],
)
def test_an_error_closes_the_file(
    tmp_path: Path, content: bytes, columns: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, really = list[BinaryIO](), Path.open

    def noticed(self: Path, *args: Any, **options: Any) -> Any:
        opened.append(really(self, *args, **options))
        return opened[-1]

    (tmp_path / "t.csv").write_bytes(content)
    monkeypatch.setattr(Path, "open", noticed)
    with pytest.raises(DataError) as caught:  # whose traceback keeps what the frames hold
        list(Table(str(tmp_path / "t.csv")).rows(columns))
    assert caught.value
    assert [one.closed for one in opened] == [True]


def test_a_missing_table() -> None:
    with pytest.raises(DataError, match=r"no/t.tsv: no such file; the folder"):
        Table("no/t.tsv")


def test_columns_that_are_not_required_may_be_absent(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("first\n1\n")
    found = Table(str(tmp_path / "t.tsv")).rows(COLUMNS, ["a"])
    assert [row.values for row in found] == [{"a": "1"}]


def test_without_a_header_columns_are_numbered(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("a;b\nc;d\n")
    table = Table(str(tmp_path / "t.txt"), delimiter=";", header=False)
    assert table.columns == ["1", "2"]
    found = [(row.origin.line, row.values) for row in table.rows({"x": "2"})]
    assert found == [(1, {"x": "b"}), (2, {"x": "d"})]
    (tmp_path / "t.txt").write_text("")
    empty = Table(str(tmp_path / "t.txt"), header=False)
    assert (empty.columns, list(empty.rows({"x": "2"}))) == ([], [])


def test_blank_lines(tmp_path: Path) -> None:
    content = b"first,second\n\n1,2\n\n"
    assert rows(tmp_path / "t.csv", content) == [(1, f"{tmp_path}/t.csv:3", {"a": "1", "b": "2"})]
    with pytest.raises(DataError, match=r"u\.csv:1: the row has 0 cells, the header has 2\."):
        rows(tmp_path / "u.csv", b"\n" + content, skip_blank=False)
    with pytest.raises(DataError, match=r"t\.csv:2: the row has 0 cells, the header has 2\."):
        rows(tmp_path / "t.csv", content, skip_blank=False)
    (tmp_path / "one.csv").write_text("first\n\nx\n")
    table = Table(str(tmp_path / "one.csv"))
    assert [row.values["a"] for row in table.rows({"a": "first"})] == ["", "x"]


def test_a_quote_that_is_never_closed_does_not_take_the_whole_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_module, "MOST_LINES", 3)
    content = b'first,second\n1,"2\n3,4\n5,6\n7,8\n'
    with pytest.raises(DataError, match=r"t\.csv:2: .*it has more than 3 lines"):
        rows(tmp_path / "t.csv", content)


def test_a_row_of_the_wrong_width_names_its_last_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with pytest.raises(
        DataError, match=r"a\.csv:2: the row, which continues to line 4 inside quotes, has 1 "
    ):
        rows(path, b'first,second\n"5 inches,a\nb,c\n6"\n')


def test_other_encodings(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("first\ncafé\n".encode("latin-1"))
    table = Table(TextFile.find(str(tmp_path / "t.csv"), encoding="latin-1"))
    assert [row.values for row in table.rows({"a": "first"})] == [{"a": "café"}]


def test_stems() -> None:
    url = "https://example.org/v1/set.tsv.gz#sha256=" + "0" * 64
    assert [file_stem(file) for file in ("a/b.csv", "-", url)] == ["b", "stdin", "set"]
