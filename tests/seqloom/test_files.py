"""Nothing half written is ever taken for whole; damaged JSON is one sentence with its place."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest

from seqloom.errors import DataError, RunError
from seqloom.files import (
    atomic_file,
    atomic_folder,
    finite,
    parse_json,
    read_json,
    read_jsonl,
    sha256,
    write_json,
    write_text,
)
from seqloom.yaml_file import read_yaml


def test_a_file_takes_its_place_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.txt"
    write_text(path, "old")

    def stop(draft: Path) -> None:
        draft.write_text("half", encoding="utf-8")
        raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"), atomic_file(path) as draft:
        stop(draft)
    assert path.read_text(encoding="utf-8") == "old"
    write_text(path, "new ♪")
    assert path.read_text(encoding="utf-8") == "new ♪"
    assert [one.name for one in path.parent.iterdir()] == ["a.txt"]


def test_a_folder_takes_its_place_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for content in ("old", "new"):
        with atomic_folder(path) as draft:
            (draft / "inner").mkdir()
            (draft / "inner" / content).touch()
    assert [one.name for one in path.rglob("*")] == ["inner", "new"]

    def stop(draft: Path) -> None:
        (draft / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), atomic_folder(path) as draft:
        stop(draft)
    assert [one.name for one in path.rglob("*")] == ["inner", "new"]
    assert [one.name for one in tmp_path.iterdir()] == ["a"]


def test_what_cannot_be_written_is_told_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"Cannot write .*file/a\.txt: .*Free some space or check"):
        write_text(tmp_path / "file" / "a.txt", "x")
    with (
        pytest.raises(RunError, match=r"Cannot write .*file/b: "),
        atomic_folder(tmp_path / "file" / "b"),
    ):
        pass


def test_what_is_no_regular_file_is_not_replaced(tmp_path: Path) -> None:
    pipe, folder, loop = (tmp_path / name for name in ("pipe", "folder", "loop"))
    os.mkfifo(pipe)
    folder.mkdir()
    loop.symlink_to(loop.name)
    link = tmp_path / "link"
    link.symlink_to("/dev/null")  # root could replace the device itself
    for path, kind in {pipe: "a pipe", folder: "a folder", link: "a device"}.items():
        with pytest.raises(RunError, match=f"is {kind}; expected a regular file"):
            write_text(path, "x")
    assert Path("/dev/null").is_char_device()
    write_text(loop, "x")
    assert loop.read_text(encoding="utf-8") == "x"


def test_json_has_no_word_for_nan(tmp_path: Path) -> None:
    value = {"a": [math.nan, 1.5, (math.inf, "ü")], "b": {"c": -math.inf}}
    write_json(tmp_path / "a.json", value)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"a": [None, 1.5, [None, "ü"]], "b": {"c": None}}
    assert finite(value) == json.loads(text)


def test_the_hash_is_sha_256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256(tmp_path / "a").startswith("ba7816bf8f01cfea414140de5dae2223")


DEEP = "[" * 101 + "]" * 101


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", r"a\.json:1: not JSON: Expecting value at column 1\."),
        ('{\n"a": 1,\n"b" 2}', r"a\.json:3: not JSON: Expecting ':' delimiter at column 5\."),
        ("[1]", r"a\.json: expected a JSON object, found list\."),
        (f'{{"a": {DEEP}}}', r"a\.json: lists and objects are nested too deeply; expected at most"),
        ("[" * 200_000, r"a\.json: lists and objects are nested too deeply; expected at most 100"),
        (f'{{"a": {"9" * 5000}}}', r"a\.json: a whole number has too many digits\."),
        ('{"a": 1e999}', r"a\.json: the number 1e999 is too large\."),
        (f'{{"a": -{"9" * 400}.0}}', r"a\.json: the number -9{39} is too large\."),
        (f'{{"a": {"9" * 400}}}', r"a\.json: the number 9{40} is too large\."),
        ('{"a": [NaN]}', r"a\.json: NaN is not a number in JSON\."),
        ('{"a": {"b": 1, "c": 2, "b": 3}}', r"a\.json: the key 'b' occurs twice in one object\."),
        ('{"a": [' + "[]," * 1_000_000 + "0]}", r"more than 1000000 lists and objects\."),
    ],
    ids=lambda text: text[:20],
)
def test_json_that_cannot_be_read_is_one_sentence(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=problem) as caught:
        read_json(path)
    assert "\n" not in str(caught.value)
    damaged: list[str] = []
    path.write_bytes(b'{"b": 1}\n' + text.replace("\n", "").encode() + b"\n\n")
    assert read_jsonl(path, damaged) == [{"b": 1}]
    assert all(f"{path}:2: " in one for one in damaged)
    assert len(damaged) == bool(text)


def test_json_that_is_unusual_but_safe_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    deep: list[Any] = []
    for _ in range(98):
        deep = [deep]
    value = {"a": deep, "b": "[" * 5000, "c": 1e-400, "d": 1e308, "e": "\ud800", "f": {"a": None}}
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(value).encode())
    assert read_json(path) == value
    assert math.isnan(parse_json('{"a": NaN}')["a"])  # a column that is not read may hold it


def test_what_is_not_a_whole_file_of_text_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'{\n"a": "\xff"}')
    with pytest.raises(DataError, match=r"a\.json:2: not UTF-8 at byte 8 of the file\."):
        read_json(path)
    with pytest.raises(DataError, match=r"a\.json has 11 bytes; expected at most 10\."):
        read_json(path, largest=10)
    with pytest.raises(DataError, match=r"^/dev/zero is not a regular file\.$"):
        read_json(Path("/dev/zero"))
    with pytest.raises(DataError, match=r"is not a regular file\."):
        read_jsonl(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "b.json")


def test_damaged_lines_are_left_out_and_named(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = [b'{"a": 1}', b"\xff\xfe{", b"", b"[1]", b'{"a": 2}\r', b'{"a"']
    path.write_bytes(b"\n".join(lines))
    damaged: list[str] = []
    assert read_jsonl(path, damaged) == [{"a": 1}, {"a": 2}]
    assert damaged == [  # the last line may still be being written
        f"{path}:2: not UTF-8 at byte 0 of the line.",
        f"{path}:4: expected a JSON object, found list.",
    ]
    with pytest.raises(DataError, match=r"a\.jsonl:2: not UTF-8 at byte 0 of the line\."):
        read_jsonl(path)


LAUGHS = "a: &a [x, x]\nb: &b [*a, *a]\n"
MERGED = "a: &a {x: 1}\nb: {<<: [*a, *a]}\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (LAUGHS, r"a\.yaml:2: invalid YAML: an alias\."),
        (MERGED, r"a\.yaml:2: invalid YAML: an alias\."),
        (
            "[" * 5000,
            r"a\.yaml:1: invalid YAML: lists and mappings are nested too deep",
        ),
        ("a: !!python/name:os.system", r"could not determine a constructor for the tag"),
        ("a: 1\nb: [1", r"a\.yaml:2: invalid YAML: expected ',' or ']'"),
        ("a: 0x" + "f" * 9000, r"a\.yaml: invalid YAML: .*digits"),
        ("a: !!timestamp x", r"a\.yaml: invalid YAML: "),
        ("a: 2026-01-01", r"invalid YAML: Object of type date is not"),
        ("a: \x00", r"a\.yaml: invalid YAML: unacceptable character"),
        ("- a", r"a\.yaml: expected a mapping, found list\."),
    ],
)
def test_yaml_that_is_no_plain_mapping_is_one_sentence(
    tmp_path: Path, text: str, problem: str
) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=problem) as caught:
        read_yaml(path)
    assert "\n" not in str(caught.value)
    path.write_text("a: {b: [1, x, null, 0.5]}\n", encoding="utf-8")
    assert read_yaml(path) == {"a": {"b": [1, "x", None, 0.5]}}
