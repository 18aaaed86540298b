"""Folders of processes that are alive are never removed."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import Any

import pytest

from seqloom.data import scratch
from seqloom.data.scratch import LOCK, VERY_OLD, Scratch, remove_leftovers

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
