"""Reports are read anew while a trial may add to them, and once when it has ended."""

from __future__ import annotations

from pathlib import Path

from seqloom.sweep.optuna.reports import Reported, Reports

from .conftest import write_trial


def report(folder: Path, value: float) -> None:
    line = f'{{"step": 1, "epoch": 0, "val/loss": {value}}}\n'
    (folder / "metrics.jsonl").write_text(line, encoding="utf-8")


def test_what_cannot_change_is_not_read_again(tmp_path: Path) -> None:
    for number, state in enumerate(["done", "running"]):
        write_trial(tmp_path / str(number), 0.5, losses=[1.0], state=state)
    (tmp_path / "2").mkdir()  # it has not begun
    (tmp_path / "index.json").touch()
    reports = Reports(tmp_path, "val/loss")
    first = {0: Reported("done", {1: 1.0}), 1: Reported("running", {1: 1.0})}
    assert reports.read() == first
    for number in range(2):
        report(tmp_path / str(number), 2.0)
    assert reports.read() == first | {1: Reported("running", {1: 2.0})}


def test_a_trial_that_is_tried_again_is_read_again(tmp_path: Path) -> None:
    reports = Reports(tmp_path, "val/loss")
    write_trial(tmp_path / "0", 0.5, losses=[1.0, 2.0], state="failed")
    assert reports.read() == {0: Reported("failed", {1: 1.0, 2: 2.0})}
    write_trial(tmp_path / "0", 0.5, losses=[3.0], state="running")
    assert reports.read() == {0: Reported("running", {1: 3.0})}
    write_trial(tmp_path / "0", 0.5, losses=[3.0, 4.0])
    assert reports.read() == {0: Reported("done", {1: 3.0, 2: 4.0})}
