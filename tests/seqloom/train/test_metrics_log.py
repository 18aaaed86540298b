"""The metrics of each step in ``metrics.jsonl``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seqloom.errors import RunError
from seqloom.train.folder import read_metrics
from seqloom.train.metrics_log import JsonLines


def test_each_step_is_one_line_and_nan_is_null(tmp_path: Path) -> None:
    log = JsonLines(tmp_path / "m.jsonl")
    assert read_metrics(log.path) == []
    log.log_metrics({"train/loss": 1.5}, 3)
    log.log_metrics({"val/f1": float("nan")}, 4)
    lines = (tmp_path / "m.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == read_metrics(log.path)
    assert read_metrics(log.path) == [{"step": 3, "train/loss": 1.5}, {"step": 4, "val/f1": None}]


def test_steps_that_are_trained_again_are_forgotten(tmp_path: Path) -> None:
    log = JsonLines(tmp_path / "m.jsonl")
    for step in range(5):
        log.log_metrics({"x": step}, step)
    log.forget_after(3)
    assert [row["step"] for row in read_metrics(log.path)] == [0, 1, 2]


def test_a_line_that_a_kill_left_unfinished_is_passed_over(tmp_path: Path) -> None:
    log = JsonLines(tmp_path / "m.jsonl")
    log.log_metrics({"x": 1}, 1)
    with log.path.open("a", encoding="utf-8") as file:
        file.write('{"step": 2, "x": 1')
    assert [row["step"] for row in read_metrics(log.path)] == [1]
    log.forget_after(9)
    log.log_metrics({"x": 1}, 2)
    assert [row["step"] for row in read_metrics(log.path)] == [1, 2]


def test_metrics_that_cannot_be_written_end_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"Cannot write .*nowhere.*No such file"):
        JsonLines(tmp_path / "nowhere" / "m.jsonl").log_metrics({"x": 1.0}, 1)


def test_lines_after_a_size_are_forgotten(tmp_path: Path) -> None:
    log = JsonLines(tmp_path / "m.jsonl")
    assert log.size() == 0
    log.forget_after(3, 0)
    log.log_metrics({"train/loss": 1.0}, 3)
    size = log.size()
    log.log_metrics({"val/f1": 1.0}, 3)  # of the validation after the same step
    assert log.forget_after(4, size) == [{"step": 3, "val/f1": 1.0}]
    assert log.size() == size
    log.forget_after(4, size + 1)  # lines were lost
    assert log.size() == size
    assert log.forget_after(4, 0) == [{"step": 3, "train/loss": 1.0}]  # none was logged yet
    assert log.size() == 0


@pytest.mark.parametrize("damage", ["a value", "a line twice", "a line less"])
def test_a_changed_line_before_the_checkpoint_is_told(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    log = JsonLines(tmp_path / "m.jsonl")
    log.forget_after(0, 0, log.digest())
    for step in range(4):
        log.log_metrics({"x": step / 3}, step)
    size, digest = log.size(), log.digest()
    log.log_metrics({"x": 5}, 4)
    log.warn_if_changed()
    again = JsonLines(log.path)
    again.forget_after(4, size, digest)
    assert again.digest() == digest
    again.warn_if_changed()
    assert not caplog.text
    first, *rest = log.path.read_bytes().splitlines(keepends=True)
    changed = {
        "a value": [first.replace(b"0.0", b"0.5"), *rest],
        "a line twice": [first, first, *rest],
        "a line less": [*rest, b'{"step": 4, "x": 1.25}\n'],
    }
    log.path.write_bytes(b"".join(changed[damage]))
    log.warn_if_changed()
    assert "m.jsonl was changed by another program: the curves" in caplog.text
    again.forget_after(4, size, digest)
    assert "m.jsonl was changed after the checkpoint was written: the curves" in caplog.text
