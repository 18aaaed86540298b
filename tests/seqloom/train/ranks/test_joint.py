"""What processes that train together wait for, and for how long."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from seqloom.cli.train import _train_jointly
from seqloom.errors import RunError
from seqloom.files import write_json
from seqloom.train.folder import RunFolder
from seqloom.train.ranks import joint
from seqloom.train.ranks.group import Group

OWN = Group("srun", 1, 2, 0, 1, 1, "first.local", 29500)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    monkeypatch.setattr(joint, "POLL", 0.01)
    (tmp_path / "ranks").mkdir()
    return RunFolder(tmp_path)


def test_a_folder_that_another_node_does_not_see_is_named(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joint, "VISIBLE", 0.05)
    folder.ranks_start.write_text('{"token": "of an earlier start"}')
    message = r"is not seen by process 1 of 2, .* Choose a run_dir on a file system that all nodes"
    with pytest.raises(RunError, match=message):
        joint._wait_for(folder, "t7", OWN)


def test_a_folder_that_is_seen_late_is_waited_for(folder: RunFolder) -> None:
    later = threading.Timer(0.05, write_json, [folder.ranks_start, {"token": "t7"}])
    later.start()
    joint._wait_for(folder, "t7", OWN)
    later.join()
    assert json.loads(folder.ranks_start.read_text()) == {"token": "t7"}


def test_the_others_end_once_the_run_is_recorded(folder: RunFolder) -> None:
    write_json(folder.record, {"state": "running"})
    later = threading.Timer(0.05, write_json, [folder.record, {"state": "done"}])
    later.start()
    joint._wait_for_record(folder)
    assert folder.read_record() == {"state": "done"}
    later.join()


def test_only_the_first_process_prints_a_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["seqloom"])
    words = ["encoder=lstm", "--cfg", "job"]
    assert _train_jointly(OWN, words) == 0
    assert capsys.readouterr().out == ""
    assert _train_jointly(Group("srun", 0, 2, 0, 1, 0, "first.local", 29500), words) == 0
    assert "name: lstm" in capsys.readouterr().out
