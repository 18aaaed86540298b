"""Files and folders are whole or not there."""

from __future__ import annotations

import hashlib
import json
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from seqloom.errors import RunError
from seqloom.files import atomic_file, atomic_folder, finite, sha256, write_json, write_text


def test_a_file_takes_its_place_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    with atomic_file(path) as draft:
        draft.write_text("one")
        assert not path.exists()
    assert path.read_text() == "one"
    assert [*path.parent.iterdir()] == [path]


def _fail(
    writing: AbstractContextManager[Path], fault: BaseException, expected: type[BaseException]
) -> None:
    """Fail when a half is written."""
    with pytest.raises(expected), writing as draft:  # noqa: PT012
        (draft / "a" if draft.is_dir() else draft).write_text("half")
        raise fault


def test_what_stood_there_stays_if_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    _fail(atomic_file(path), KeyError("x"), KeyError)
    assert path.read_text() == "old"
    assert [*tmp_path.iterdir()] == [path]


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with pytest.raises(RunError) as found, atomic_file(path):
        raise OSError(28, "No space left on device")
    assert str(found.value) == (
        f"Cannot write {path}: No space left on device. Free some space or check the permissions; "
        "nothing incomplete was left in its place."
    )
    assert not [*tmp_path.iterdir()]


def test_a_folder_replaces_what_stood_there(tmp_path: Path) -> None:
    path = tmp_path / "bundle"
    for text in ("old", "new"):
        with atomic_folder(path) as draft:
            (draft / f"{text}.txt").write_text(text)
    assert [file.name for file in path.iterdir()] == ["new.txt"]
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize("fault", [OSError(28, "full"), KeyError("x"), KeyboardInterrupt()])
def test_the_old_folder_stays_if_the_new_one_fails(tmp_path: Path, fault: BaseException) -> None:
    path = tmp_path / "bundle"
    with atomic_folder(path) as draft:
        (draft / "a").write_text("old")
    expected = RunError if isinstance(fault, OSError) else type(fault)
    _fail(atomic_folder(path), fault, expected)
    assert (path / "a").read_text() == "old"
    assert [*tmp_path.iterdir()] == [path]


def test_a_path_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"^Cannot write .*file/below"):
        write_text(tmp_path / "file" / "below", "x")
    with (
        pytest.raises(RunError, match=r"^Cannot write .*file/below"),
        atomic_folder(tmp_path / "file" / "below"),
    ):
        pass


def test_json_has_a_word_for_everything(tmp_path: Path) -> None:
    value = {"a": [float("nan"), 1.5, (float("inf"), "é")], "b": {"c": -float("inf")}}
    assert finite(value) == {"a": [None, 1.5, [None, "é"]], "b": {"c": None}}
    write_json(tmp_path / "a.json", value)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == finite(value)
    assert "é" in text


def test_the_hash_is_that_of_hashlib(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc" * 1000)
    assert sha256(tmp_path / "a") == hashlib.sha256(b"abc" * 1000).hexdigest()
