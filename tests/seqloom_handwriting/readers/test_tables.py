"""Tables, well-formed and not, against Python's own writer."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.errors import DataError
from seqloom_handwriting.readers.tables import read_table, refuse_stdin

COLUMNS = {"a": "first", "b": "second"}


def rows(path: Path, content: bytes) -> list[tuple[int, str, dict[str, str]]]:
    path.write_bytes(content)
    _, found = read_table(str(path), COLUMNS, COLUMNS)
    return [(row.number, str(row.origin), row.values) for row in found]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.tsv", b'first\tsecond\n1 "x"\ty,z\n2\t\n'),
        ("t.TSV", b'\xef\xbb\xbfsecond\tx\tfirst\r\ny,z\t0\t1 "x"\r\n\t0\t2\r\n\r\n'),
        ("t.csv", b'first,second\n"1 ""x""","y,z"\n2,""'),
    ],
)
def test_forms_of_the_same_table(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    assert rows(path, content) == [
        (1, f"{path}:2", {"a": '1 "x"', "b": "y,z"}),
        (2, f"{path}:3", {"a": "2", "b": ""}),
    ]


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
        ("t.tsv", b"first\tsecond\n1\t2\n\n1\n", "4: the row has 1 cells, the header has 2. A "
         ".tsv is parted by tabs"),
        ("t.csv", b'first,second\n1,"2\n', "2: the row that starts here is not well-formed: "),
        ("t.tsv", b"first\tsecond\nab\xff\t2\n", "2: not UTF-8: byte 0xff at place 3 of the"),
    ],
)  # fmt: skip
def test_malformed_tables(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(DataError) as caught:
        rows(tmp_path / name, content)
    assert str(caught.value).startswith(f"{tmp_path / name}:{message}")


def test_a_missing_table_and_standard_input() -> None:
    with pytest.raises(DataError, match=r"no/t.tsv: no such file; the folder"):
        read_table("no/t.tsv", COLUMNS, COLUMNS)
    with pytest.raises(DataError, match=r"^- \(standard input\) cannot be read by .*; give ink\.$"):
        refuse_stdin(["a", "-"], "ink")
    refuse_stdin(["a"], "ink")


def test_columns_that_are_not_required_may_be_absent(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("first\n1\n")
    _, found = read_table(str(tmp_path / "t.tsv"), COLUMNS, ["a"])
    assert [row.values for row in found] == [{"a": "1"}]
