"""Nothing half written is ever taken for whole."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from seqloom.errors import RunError
from seqloom.files import atomic_file, atomic_folder, finite, sha256, write_json, write_text


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
            (draft / content).touch()
    assert [one.name for one in path.iterdir()] == ["new"]

    def stop(draft: Path) -> None:
        (draft / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), atomic_folder(path) as draft:
        stop(draft)
    assert [one.name for one in path.iterdir()] == ["new"]
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


def test_json_has_no_word_for_nan(tmp_path: Path) -> None:
    value = {"a": [math.nan, 1.5, (math.inf, "ü")], "b": {"c": -math.inf}}
    write_json(tmp_path / "a.json", value)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"a": [None, 1.5, [None, "ü"]], "b": {"c": None}}
    assert finite(value) == json.loads(text)


def test_the_hash_is_sha_256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256(tmp_path / "a").startswith("ba7816bf8f01cfea414140de5dae2223")
