"""A line, and a text that is decompressed, take no more memory than a text needs."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

import seqloom.data.text_file
from seqloom.data import TextFile
from seqloom.errors import DataError


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seqloom.data.text_file, "LONGEST_LINE", 1000)
    monkeypatch.setattr(seqloom.data.text_file, "SMALL", 1000)


def test_a_line_that_is_too_long_is_skipped_or_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\n" + b"x" * 3500 + b"\nthree\n" + b"y" * 999 + b"\n" + b"z" * 1001)
    problems: dict[int, str] = {}
    found = dict(TextFile(str(path)).lines(problems))
    assert found == {
        1: "one\n",
        2: "x" * 80 + "\n",
        3: "three\n",
        4: "y" * 999 + "\n",
        5: "z" * 80 + "\n",
    }
    assert problems == dict.fromkeys((2, 5), "the line has more than 1000 bytes.")
    with pytest.raises(DataError, match=r"a\.txt:2: the line has more than 1000 bytes\.$"):
        list(TextFile(str(path)).lines())


@pytest.mark.parametrize("line", [b"O\n", b"O"])
def test_a_text_that_is_compressed_beyond_what_text_can_be(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(line * 2_000_000))
    with pytest.raises(
        DataError, match=r"a\.txt\.gz:\d+: the file decompresses to more than 200 t"
    ):
        for _ in TextFile(str(path)).lines({}):
            pass
    path.write_bytes(gzip.compress(b"a line of text\n" * 60))  # short ones may be
    assert sum(1 for _ in TextFile(str(path)).lines()) == 60


def test_where_an_encoding_is_wrong_counts_all_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * 1500 + b"\n\xff\n")
    problems: dict[int, str] = {}
    list(TextFile(str(path)).lines(problems))
    assert "byte 0xff at offset 1501 of the file (byte 1 of the line)" in problems[2]
