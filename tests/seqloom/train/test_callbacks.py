"""What every run adds to Lightning."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from seqloom.errors import RunError
from seqloom.train.callbacks import BestCheckpoint, JsonLines, RandomState, WholeFiles


def test_each_step_is_one_line_and_nan_is_null(tmp_path: Path) -> None:
    log = JsonLines(tmp_path / "m.jsonl")
    assert log.rows() == []
    log.log_metrics({"train/loss": 1.5}, 3)
    log.log_metrics({"val/f1": float("nan")}, 4)
    lines = (tmp_path / "m.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == log.rows()
    assert log.rows() == [{"step": 3, "train/loss": 1.5}, {"step": 4, "val/f1": None}]


def test_steps_that_are_trained_again_are_forgotten(tmp_path: Path) -> None:
    log = JsonLines(tmp_path / "m.jsonl")
    for step in range(5):
        log.log_metrics({"x": step}, step)
    log.forget_after(3)
    assert [row["step"] for row in log.rows()] == [0, 1, 2]


def test_a_line_that_a_kill_left_unfinished_is_passed_over(tmp_path: Path) -> None:
    log = JsonLines(tmp_path / "m.jsonl")
    log.log_metrics({"x": 1}, 1)
    with log.path.open("a", encoding="utf-8") as file:
        file.write('{"step": 2, "x": 1')
    assert [row["step"] for row in log.rows()] == [1]
    log.forget_after(9)
    log.log_metrics({"x": 1}, 2)
    assert [row["step"] for row in log.rows()] == [1, 2]


def test_metrics_that_cannot_be_written_end_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"Cannot write .*nowhere.*No such file"):
        JsonLines(tmp_path / "nowhere" / "m.jsonl").log_metrics({"x": 1.0}, 1)


def test_the_random_state_comes_back_at_the_first_batch() -> None:
    before = RandomState()
    torch.manual_seed(3)
    stored = before.state_dict()
    expected = torch.rand(4)
    after = RandomState()
    after.load_state_dict(stored)
    torch.rand(9)
    after.on_train_batch_start()
    assert torch.equal(torch.rand(4), expected)
    after.on_train_batch_start()  # a second batch goes on
    assert not torch.equal(torch.rand(4), expected)


def test_paths_of_a_moved_folder_are_those_of_here(tmp_path: Path) -> None:
    old = BestCheckpoint(dirpath=tmp_path / "old", filename="best", monitor="val/f1")
    old.best_model_path = str(tmp_path / "old" / "best.ckpt")
    old.best_k_models = {old.best_model_path: torch.tensor(0.5)}
    new = BestCheckpoint(dirpath=tmp_path / "new", filename="best", monitor="val/f1")
    new.load_state_dict(old.state_dict())
    assert new.best_model_path == str(tmp_path / "new" / "best.ckpt")
    assert list(new.best_k_models) == [new.best_model_path]
    assert new.last_model_path == ""


def test_a_checkpoint_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, path = WholeFiles(), tmp_path / "deep" / "last.ckpt"
    files.save_checkpoint({"step": 1}, path)
    assert torch.load(path, weights_only=True) == {"step": 1}

    def full(*args: object) -> int:
        path.with_name("half").write_text("half", encoding="utf-8")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(RunError, match=r"Cannot write .*last\.ckpt: No space left on device"):
        files.save_checkpoint({"step": 2}, path)
    monkeypatch.undo()
    assert torch.load(path, weights_only=True) == {"step": 1}
    assert sorted(one.name for one in path.parent.iterdir()) == ["half", "last.ckpt"]
