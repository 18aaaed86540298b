"""The plan: what is written is what is read, and what cannot be read says why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seqloom.errors import RunError
from seqloom.sweep.plan import Plan, Planned, has_plan, read_plan

COMMAND = ["encoder=rnn,lstm", "data.train='a b'", "+callbacks.x={_target_: y, z: 'ü'}"]


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Return a plan of two trials, saved."""
    plan = Plan(tmp_path, "optuna", COMMAND, "/somewhere", settings={"n_trials": 2}, expected=2)
    plan.add(["encoder=rnn"], {"params": {"encoder": "rnn", "lr": 0.1}})
    plan.add(["encoder=lstm"])
    plan.save()
    return plan


def test_it_is_read_as_it_was_written(plan: Plan) -> None:
    assert read_plan(plan.folder) == plan
    assert [path.name for path in plan.folder.iterdir()] == ["sweep.json"]


def test_its_keys_are_the_documented_ones(plan: Plan) -> None:
    stored = json.loads((plan.folder / "sweep.json").read_text("utf-8"))
    keys = {"version", "kind", "command", "cwd", "created", "settings", "trials"} | {
        "flags",
        "expected",
    }
    assert (set(stored), stored["version"]) == (keys, 1)
    assert stored["trials"][1] == {"number": 1, "overrides": ["encoder=lstm"], "extra": {}}


def test_a_trial_counts_once_the_plan_is_saved(plan: Plan) -> None:
    added = plan.add(["encoder=gru"])
    assert added == Planned(2, ["encoder=gru"], {})
    assert len(read_plan(plan.folder).trials) == 2
    plan.save()
    assert read_plan(plan.folder).trials[-1] == added


def test_a_folder_without_a_plan(tmp_path: Path) -> None:
    assert not has_plan(tmp_path)
    with pytest.raises(RunError, match=r"holds no sweep: it has no sweep\.json"):
        read_plan(tmp_path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is damaged"),
        (b"\xff\xfe", "is damaged"),
        (b"null", "is damaged"),
        (b'{"version": 1, "trials": [{"nmber": 0}]}', "is damaged: .*nmber"),
        (b'{"version": 1, "trials": [], "wild": 1}', "is damaged: .*wild"),
        (b'{"version": "2"}', "has version 2; this seqloom reads version 1"),
    ],
)
def test_a_damaged_plan(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "sweep.json").write_bytes(content)
    assert has_plan(tmp_path)
    with pytest.raises(RunError, match=rf"sweep\.json {sentence}"):
        read_plan(tmp_path)
