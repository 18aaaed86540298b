"""What a sweep came to, from its trials' folders; and a sweep itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seqloom.train.sweep import best, read_trials, table


def _trial(
    folder: Path,
    number: int,
    state: str = "done",
    score: float | None = 0.5,
    *,
    watch: str = "f1",
    higher: bool = True,
    overrides: tuple[str, ...] = (),
) -> None:
    path = folder / str(number)
    path.mkdir(parents=True)
    record: dict[str, Any] = {"state": state, "overrides": list(overrides)}
    if state == "done":
        record |= {"watch": watch, "higher_is_better": higher, "parameters": 12345}
        record["training_seconds"] = 1.5
        metrics = {"val": {watch: score}, "test": {watch: 0.25}}
        (path / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    (path / "run.json").write_text(json.dumps(record), encoding="utf-8")


def test_trials_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (10, 2, 0):
        _trial(tmp_path, number)
    (tmp_path / "notes").mkdir()
    (tmp_path / "7").touch()
    (tmp_path / "11").mkdir()  # started, and nothing written yet
    assert [trial.folder.name for trial in read_trials(tmp_path)] == ["0", "2", "10", "11"]


def test_the_best_is_the_highest_that_is_done(tmp_path: Path) -> None:
    _trial(tmp_path, 0, score=0.4)
    _trial(tmp_path, 1, score=0.6)
    _trial(tmp_path, 2, score=None)  # its metric was not a number
    _trial(tmp_path, 3, "failed")
    _trial(tmp_path, 4, "running")
    top = best(read_trials(tmp_path))
    assert top is not None
    assert top.folder.name == "1"


def test_a_trial_that_failed_after_its_metrics_is_not_the_best(tmp_path: Path) -> None:
    _trial(tmp_path, 0, score=0.1)
    _trial(tmp_path, 1, score=0.9)
    path = tmp_path / "1" / "run.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**record, "state": "failed"}), encoding="utf-8")
    top = best(read_trials(tmp_path))
    assert top is not None
    assert top.folder.name == "0"


def test_lower_may_be_better(tmp_path: Path) -> None:
    _trial(tmp_path, 0, score=0.4, watch="cer", higher=False)
    _trial(tmp_path, 1, score=0.1, watch="cer", higher=False)
    top = best(read_trials(tmp_path))
    assert top is not None
    assert top.folder.name == "1"


@pytest.mark.parametrize("states", [[], ["failed"], ["running", "interrupted"]])
def test_there_may_be_no_best(tmp_path: Path, states: list[str]) -> None:
    for number, state in enumerate(states):
        _trial(tmp_path, number, state)
    trials = read_trials(tmp_path)
    assert best(trials) is None
    assert len(table(trials).splitlines()) == 1 + len(states)


def test_the_table_has_a_row_for_each_trial_and_a_column_for_each_key(tmp_path: Path) -> None:
    _trial(tmp_path, 0, score=0.5, overrides=("encoder=lstm", "run_dir=x"))
    _trial(tmp_path, 1, score=0.75, overrides=("encoder=bilstm", "encoder.merge=sum"))
    _trial(tmp_path, 2, "failed", overrides=("encoder=gru",))
    _trial(tmp_path, 3, "running", overrides=("encoder=rnn",))
    (tmp_path / "4").mkdir()
    lines = table(read_trials(tmp_path)).splitlines()
    assert lines[0].split() == (
        ["trial", "encoder", "encoder.merge", "val", "f1", "test", "f1", "parameters", "seconds"]
    )
    assert lines[1].split() == ["0", "lstm", "0.5000", "0.2500", "12,345", "1.5"]
    assert lines[2].split() == ["1", "bilstm", "sum", "0.7500", "0.2500", "12,345", "1.5", "best"]
    assert lines[3].split() == ["2", "gru", "failed"]
    assert lines[4].split() == ["3", "rnn", "running"]
    assert lines[5].split() == ["4", "not", "started"]


def test_a_sweep_goes_on_after_a_failure_and_tells_of_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from seqloom.cli.main import main; main()", "train", "-m"),
            *("data.train_size=60", "data.val_size=20", "data.test_size=20", "trainer=cpu"),
            *("trainer.max_epochs=1", "encoder.hidden_size=-1,4,8", f"run_dir={tmp_path / 's'}"),
        ],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "Error: " in done.stderr
    lines = [line.split() for line in done.stdout.splitlines() if line[:1].isdigit()]
    assert [line[:2] for line in lines] == [["0", "-1"], ["1", "4"], ["2", "8"]]
    assert lines[0][-1] == "failed"
    summary = json.loads((tmp_path / "s" / "sweep.json").read_text(encoding="utf-8"))
    assert [trial["state"] for trial in summary["trials"]] == ["failed", "done", "done"]
    scores = {trial["folder"]: trial["metrics"]["val"]["f1"] for trial in summary["trials"][1:]}
    assert scores[summary["best"]] == max(scores.values())
    assert sum(line[-1] == "best" for line in lines) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_trials_that_watch_different_metrics_have_no_best(tmp_path: Path) -> None:
    _trial(tmp_path, 0, score=0.4, watch="f1")
    _trial(tmp_path, 1, score=0.9, watch="accuracy")
    assert best(read_trials(tmp_path)) is None
