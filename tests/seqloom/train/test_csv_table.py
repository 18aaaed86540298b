"""The table of Lightning's CSV logger outlives resumed, killed and damaged runs."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from seqloom.config.compose import compose_run
from seqloom.train import csv_table
from seqloom.train.folder import Result, RunFolder
from seqloom.train.loggers import Loggers

Fit = Callable[..., Result]


def loggers(path: Path) -> Loggers:
    config = compose_run(["logger=csv", "encoder.hidden_size=8", f"run_dir='{path}'"])
    return Loggers(replace(config, run_dir=str(path)), RunFolder(path))


def table(path: Path) -> list[dict[str, str]]:
    with (path / "csv" / "metrics.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_resumed_run_keeps_its_table(fit: Fit, tmp_path: Path) -> None:
    first = fit("logger=csv", "trainer.max_epochs=1")
    before = [(row["step"], row["train/loss"]) for row in table(first.run_dir) if row["train/loss"]]
    path = first.run_dir / "csv" / "metrics.csv"
    cut = path.read_text("utf-8") + "1,2"  # the last line of a process that was killed
    path.write_text(cut, encoding="utf-8")
    resumed = fit("logger=csv", "trainer.max_epochs=2", "resume=auto")
    found = [(row["step"], row["train/loss"]) for row in table(resumed.run_dir)]
    assert before
    assert found[: len(before)] == before
    whole = fit("logger=csv", "trainer.max_epochs=2", run_dir=tmp_path / "whole")
    assert [step for step, _ in found] == [row["step"] for row in table(whole.run_dir)]


@pytest.mark.parametrize("moment", ["experiment", "write"])
def test_a_table_outlives_a_process_that_is_killed_while_it_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    (tmp_path / "csv").mkdir()
    (tmp_path / "csv" / "metrics.csv").write_text("step,a\n1,0.5\n2,0.25\n", encoding="utf-8")
    first = loggers(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(csv_table, "_is_before" if moment == "experiment" else "atomic_file", _killed)
        with pytest.raises(KeyboardInterrupt):
            first.leave_out([], 2)
    loggers(tmp_path).leave_out([], 2)
    assert table(tmp_path) == [{"step": "1", "a": "0.5"}]
    assert [one.name for one in (tmp_path / "csv").iterdir()] == ["metrics.csv"]


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("content", [b"", b"step,a\n", b"a\n1\n", b"step\n\xff\n", b"step\n\0\n"])
def test_a_damaged_table_begins_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "csv").mkdir()
    (tmp_path / "csv" / "metrics.csv").write_bytes(content)
    made = loggers(tmp_path)
    made.leave_out([], 3)
    with made.closed_at_the_end():
        made.start()
        for step in (1, 2):
            made.all[0].log_metrics({"val/f1": 0.5}, step)
    assert [row["step"] for row in table(tmp_path)] == ["1", "2"]
