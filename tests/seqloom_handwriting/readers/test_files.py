"""What readers of tables, folders and files refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqloom.errors import DataError
from seqloom_handwriting.readers.files import open_table, read_file, refuse_stdin


def test_standard_input() -> None:
    with pytest.raises(
        DataError, match=r"^- \(standard input\) cannot be read by .*\. Pass ink\.$"
    ):
        refuse_stdin(["a", "-"], "ink")
    refuse_stdin(["a"], "ink")


def test_quotes_protect_in_csv_alone(tmp_path: Path) -> None:
    found = []
    for name, content in {"t.csv": 'a,b\n"1,2",3\n', "t.tsv": 'a\tb\n"1,2"\t3\n'}.items():
        (tmp_path / name).write_text(content)
        found += [row.values["a"] for row in open_table(str(tmp_path / name)).rows({"a": "a"})]
    assert found == ["1,2", '"1,2"']


def test_a_file_that_is_too_large_or_missing_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.inkml").write_bytes(b"12345")
    assert read_file(str(tmp_path / "a.inkml"), None, 5) == b"12345"
    with pytest.raises(ValueError, match=r"a\.inkml has 5 bytes; expected at most 4\."):
        read_file(str(tmp_path / "a.inkml"), None, 4)
    with pytest.raises(ValueError, match=r"b\.inkml cannot be read: No such file or directory\."):
        read_file(str(tmp_path / "b.inkml"), None, 4)
