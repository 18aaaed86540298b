"""Folders of processes that are alive are never removed."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import Any

import pytest

from seqloom.data import scratch
from seqloom.data.scratch import LOCK, PREFIX, VERY_OLD, Scratch, remove_leftovers, try_lock

fcntl = pytest.importorskip("fcntl")


def test_a_folder_that_is_being_made_is_never_unlocked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = scratch.try_lock

    def other_process_looks(file: int) -> bool:
        remove_leftovers(tmp_path)
        return real(file)

    monkeypatch.setattr(scratch, "try_lock", other_process_looks)
    made = Scratch(tmp_path)
    monkeypatch.undo()
    remove_leftovers(tmp_path)
    assert (made.path / LOCK).is_file()
    made.remove()
    assert not list(tmp_path.iterdir())


def test_without_locks_only_very_old_folders_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    first = Scratch(tmp_path)
    second = Scratch(tmp_path)
    assert first.path.is_dir()
    assert second.path.is_dir()
    past = time.time() - VERY_OLD - 60
    os.utime(first.path, (past, past))
    remove_leftovers(tmp_path)
    assert not first.path.exists()
    assert second.path.is_dir()


def test_a_folder_that_is_just_being_made_stays_though_clocks_differ_by_hours(
    tmp_path: Path,
) -> None:
    made, left = tmp_path / f"{PREFIX}made", tmp_path / f"{PREFIX}left"
    for folder, hours in ((made, 3), (left, 48)):  # by the clock of another machine
        folder.mkdir()
        past = time.time() - 3600 * hours
        os.utime(folder, (past, past))
    remove_leftovers(tmp_path)
    assert made.is_dir()
    assert not left.exists()


def test_without_a_module_of_locks_nothing_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "fcntl", None)
    first = Scratch(tmp_path)
    os.utime(first.path, (0, 0))
    second = Scratch(tmp_path)
    assert first.path.is_dir()
    file = os.open(tmp_path / "file", os.O_CREAT | os.O_RDWR)
    assert try_lock(file)
    os.close(file)
    second.remove()
    assert not second.path.exists()


def test_folders_of_other_users_and_odd_ones_are_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd, other = tmp_path / f"{PREFIX}odd", tmp_path / f"{PREFIX}other"
    (odd / LOCK).mkdir(parents=True)
    other.mkdir()
    (other / LOCK).touch()
    for folder in (odd, other):
        os.utime(folder, (0, 0))
    with monkeypatch.context() as patch:
        patch.setattr(os, "getuid", lambda: other.stat().st_uid + 1)
        remove_leftovers(tmp_path)
    assert odd.is_dir()
    assert other.is_dir()
    remove_leftovers(tmp_path)
    assert odd.is_dir()
    assert not other.exists()


def test_a_fork_leaves_the_folder(tmp_path: Path) -> None:
    made = Scratch(tmp_path)
    scratch._remove(made.path, -1, os.getpid() + 1)
    assert made.path.is_dir()
