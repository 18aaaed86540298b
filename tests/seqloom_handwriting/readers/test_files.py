"""What readers of tables, folders and files refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqloom.errors import DataError
from seqloom_handwriting.readers.files import open_table, refuse_stdin


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
