"""Which sweeps lie below a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seqloom.errors import DataError
from seqloom.sweep.index import write_index
from seqloom.sweep.listing import found_below, table

from .conftest import AddTrial


def test_sweeps_are_found_and_told_in_a_line(tmp_path: Path, add: AddTrial) -> None:
    first, second = tmp_path / "a" / "b", tmp_path / "c"
    add("encoder=rnn", val=0.5, folder=first)
    add("encoder=lstm", val=0.75, folder=first)
    plan = {
        "created": "2026-01-31T12:34:56+0000",
        "command": [
            "-m",
            "hydra.sweeper.x={a,b}",
            "trainer=cpu",
            "encoder=rnn,lstm",
            f"data.train={'x' * 60},y",
        ],
        "trials": [{"number": 2, "overrides": ["encoder=gru"]}],
    }
    (first / "sweep.json").write_text(json.dumps(plan), encoding="utf-8")
    add("encoder=rnn", state="failed", started="2026-02-01T00:00:00", folder=second)
    write_index(second)
    header, one, other = table(found_below([tmp_path])).splitlines()
    assert header.split() == ["folder", "when", "command", "trials", "best"]
    assert one.startswith(f"{first}  2026-01-31 12:34  encoder=rnn,lstm data.train=xxx")
    assert one.endswith("x…  2 done, 1 not begun of 3  encoder=lstm: f1 0.7500")
    assert other.split() == [str(second), "2026-02-01", "00:00", "1", "failed", "of", "1"]


def test_trials_and_runs_are_not_looked_into(tmp_path: Path, add: AddTrial) -> None:
    trial = add(val=0.5, folder=tmp_path / "sweep")
    write_index(tmp_path / "sweep")
    add(val=0.5, folder=trial)  # a sweep in a trial's folder is none of ours
    write_index(trial)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "sweep.json").touch()
    assert [sweep.folder for sweep in found_below([tmp_path, tmp_path])] == [tmp_path / "sweep"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"is no folder, so no sweep can be below it\. Name"):
        found_below([tmp_path / "runs"])
