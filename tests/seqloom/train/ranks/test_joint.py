"""What processes that train together wait for, and for how long."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import seqloom
from seqloom.cli.train import _train_jointly
from seqloom.errors import RunError
from seqloom.files import write_json
from seqloom.train.folder import RunFolder
from seqloom.train.ranks import joint, launch
from seqloom.train.ranks.group import Group, Meeting

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


class _Store:
    """A meeting at which the first process has left a word, and the second has answered."""

    def __init__(self, own: Group, number: int = 1) -> None:
        self.own = own

    def wait_for_word(self) -> dict[str, Any]:
        return {"alone": True}

    def tell(self, **word: Any) -> None:
        pass

    def answer(self, problem: str = "") -> None:
        pass

    def wait_for_answers(self) -> dict[int, str]:
        return {1: "The folder is not seen."}


def test_fit_ends_a_process_that_is_not_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The first process has started to train: its record has no metrics yet.
    write_json(tmp_path / "run.json", {"state": "running", "history": []})
    monkeypatch.setattr(joint, "current_group", lambda: OWN)
    monkeypatch.setattr(joint, "Meeting", _Store)
    with pytest.raises(SystemExit) as ended:
        seqloom.fit("encoder=lstm", run_dir=tmp_path)
    assert ended.value.code == 0
    assert "need only one process, so it ends" in capsys.readouterr().err


@pytest.mark.parametrize("stored", [True, False], ids=["another cannot start", "disk full"])
def test_encoded_data_is_removed_when_ranks_do_not_start(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch, stored: bool
) -> None:
    def store(data: Any, folder: RunFolder) -> None:
        folder.encoded.mkdir()
        if not stored:
            raise RunError("The disk is full.")

    monkeypatch.setattr(launch, "store_encoded", store)
    monkeypatch.setattr(launch, "sampler", lambda *_, **__: None)
    monkeypatch.setattr(RunFolder, "config", lambda _: SimpleNamespace(batch=None))
    data: Any = SimpleNamespace(splits={"train": None})
    meeting = cast(Meeting, _Store(Group("srun", 0, 2, 0, 1, 0, "first.local", 29500)))
    with pytest.raises(RunError, match="not seen" if stored else "disk is full"):
        joint.lead(meeting, folder, data, lambda *_: {})
    assert folder.ranks.exists()
    assert not folder.encoded.exists()
