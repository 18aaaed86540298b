"""Large files with an example on each line, in parts: what one reading yields, or none of it."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from seqloom.data import cut_text
from seqloom.interfaces import Example, Reader
from seqloom.quiet import withheld
from seqloom_text.readers.jsonl import JsonlReader
from seqloom_text.readers.lines import LinesReader

ROWS = [{"text": f"text {n}", "label": "ab"[n % 2], "key": f"k{n}"} for n in range(12)]
JSON = "".join(f"{json.dumps(row)}\n" for row in ROWS)


@pytest.fixture(autouse=True)
def _large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make any file large."""
    monkeypatch.setattr(cut_text, "SMALLEST", 0)
    monkeypatch.setattr(cut_text, "PART", 120)


def _whole(reader: Reader) -> list[str]:
    return [*map(_shown, reader.examples("train"))]


def _joined(reader: Reader) -> list[str] | None:
    """Return what the parts yield; None if one process must read the file."""
    parts = reader.examples_in_parts("train")
    try:
        with withheld() as said:
            found = [*map(_shown, chain.from_iterable(parts))]
    except ValueError:
        return None
    return None if said or len(parts) < 2 else found


def _shown(one: Any) -> str:
    return repr(one if isinstance(one, Example) else (one.example_id, str(one)))


@pytest.mark.parametrize("params", [{}, {"id_column": "key"}])
@pytest.mark.parametrize(
    "text",
    [
        JSON,
        JSON.rstrip("\n"),
        f"{JSON}\n\n",
        f"\ufeff{JSON}",
        JSON.replace("\n", "\r\n"),
        JSON.replace("\n", "\n\n", 1),
        JSON.replace('"text 5"', "5,"),
        JSON.replace('"text": "text 5"', '"texts": ""'),
    ],
)
def test_parts_of_json_lines_are_the_whole(
    tmp_path: Path, text: str, params: dict[str, Any]
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(text.encode())
    reader = JsonlReader(train=str(path), **params)
    assert _joined(reader) == _whole(reader)


@pytest.mark.parametrize(
    "text",
    [
        JSON.replace("\n", "\n\n\n", 1),
        JSON.replace("\n", "\n\n", 3),
        JSON.replace('"label"', '"_task_hash": 1, "answer": "reject", "label"'),
        JSON.replace("text 5", "['a', 'b']"),
        "[" * 500,
        ROWS[0]["text"] * 90,
    ],
)
def test_json_lines_that_only_the_whole_file_tells(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(text.encode())
    assert _joined(JsonlReader(train=str(path))) is None


def test_labels_in_one_text_are_read_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(JSON.replace('"a"', '"a;b"'), encoding="utf-8")
    kinds = {"label": "labels"}
    assert _joined(JsonlReader(train=str(path), kinds=kinds)) is None
    path.write_text(JSON.replace('"a"', '["a", "b"]'), encoding="utf-8")
    reader = JsonlReader(train=str(path), kinds=kinds)
    assert _joined(reader) == _whole(reader)


@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
def test_parts_of_plain_lines_are_the_whole(tmp_path: Path, end: str) -> None:
    path = tmp_path / "a.txt"
    lines = [f"line {n} ä" for n in range(40)]
    lines[7] = lines[30] = ""
    path.write_bytes(("\n".join(lines) + end).encode() + b"\xff\n" * (end == "\n"))
    reader = LinesReader(train=str(path))
    assert _joined(reader) == _whole(reader)


def test_small_and_compressed_files_have_no_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(b"x\n" * 100)
    assert not cut_text.text_parts(cut_text.TextFile(str(path)))
    assert not cut_text.text_parts(cut_text.TextFile(str(tmp_path)))
    assert not cut_text.text_parts(cut_text.TextFile(str(tmp_path / "absent")))
    plain = tmp_path / "a.jsonl"
    plain.write_bytes(b"x\n" * 100)
    assert len(cut_text.text_parts(cut_text.TextFile(str(plain)))) == 2
    monkeypatch.setattr(cut_text, "SMALLEST", 201)
    assert not cut_text.text_parts(cut_text.TextFile(str(plain)))
