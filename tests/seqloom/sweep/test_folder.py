"""The folder of a sweep: its plan is read as it was written, and errors say what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seqloom.errors import RunError
from seqloom.sweep.folder import Plan, PlannedTrial, SweepFolder, read_plan

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
        "job",
        "sha256",
    }
    assert (set(stored), stored["version"]) == (keys, 1)
    assert stored["trials"][1] == {"number": 1, "overrides": ["encoder=lstm"], "extra": {}}


def test_a_trial_counts_once_the_plan_is_saved(plan: Plan) -> None:
    added = plan.add(["encoder=gru"])
    assert added == PlannedTrial(2, ["encoder=gru"], {})
    assert len(read_plan(plan.folder).trials) == 2
    plan.save()
    assert read_plan(plan.folder).trials[-1] == added


def test_a_folder_without_a_plan(tmp_path: Path) -> None:
    assert not SweepFolder(tmp_path).plan.exists()
    with pytest.raises(RunError, match=r"does not hold a sweep: it has no sweep\.json"):
        read_plan(tmp_path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is damaged"),
        (b"\xff\xfe", "is damaged"),
        (b"null", "is damaged"),
        (b'{"version": 1, "trials": [{"nmber": 0}]}', "is damaged: .*nmber"),
        (b'{"version": 1, "trials": [], "wild": 1}', "is damaged: .*wild"),
        (b'{"version": 1, "trials": [], "kind": 3, "command": [], "cwd": ""}', "a text is so"),
        (b'{"version": 1, "trials": [], "kind": "", "command": "x", "cwd": ""}', "a list is so"),
        (
            b'{"version": 1, "trials": [], "kind": "", "command": [], "cwd": "", "settings": 1}',
            "settings or expected is something else",
        ),
        (b'{"version": "2"}', "has version 2; this seqloom reads version 1"),
    ],
)
def test_a_damaged_plan(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "sweep.json").write_bytes(content)
    with pytest.raises(RunError, match=rf"sweep\.json.*{sentence}"):
        read_plan(tmp_path)


@pytest.mark.parametrize("content", [b"", b"null", b'{"version": 2}', b'{"trials": 3}'])
def test_a_damaged_plan_can_still_be_shown(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "sweep.json").write_bytes(content)
    plan = read_plan(tmp_path, strict=False)
    assert (plan.trials, plan.command, plan.created, plan.expected) == ([], [], "", 0)
    assert not plan.has_several_objectives


def test_a_changed_value_of_a_plan_is_noticed(plan: Plan) -> None:
    plan.save()
    path = plan.folder / "sweep.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    assert read_plan(plan.folder) == plan
    for key, value in {"cwd": "/other", "created": "", "expected": 7, "trials": []}.items():
        path.write_text(json.dumps({**stored, key: value}), encoding="utf-8")
        with pytest.raises(
            RunError, match=r"was changed after.* If that was intended, remove the field 'sha256'"
        ):
            read_plan(plan.folder)
    del stored["sha256"]  # as of earlier versions
    path.write_text(json.dumps(stored), encoding="utf-8")
    assert read_plan(plan.folder) == plan


@pytest.mark.parametrize("overrides", [5, True, "seed=1", {"seed": 1}, None])
def test_overrides_that_are_no_list_are_not_shown(tmp_path: Path, overrides: object) -> None:
    trials = [{"number": 0, "overrides": overrides}]
    (tmp_path / "sweep.json").write_text(json.dumps({"command": 3, "trials": trials}))
    plan = read_plan(tmp_path, strict=False)
    assert (plan.command, plan.trials[0].overrides) == ([], [])


def test_as_much_of_a_plan_is_shown_as_can_be_read(plan: Plan) -> None:
    shown = read_plan(plan.folder, strict=False)
    assert (shown.command, shown.settings, shown.created) == (
        plan.command,
        plan.settings,
        plan.created,
    )
    assert [trial.overrides for trial in shown.trials] == [["encoder=rnn"], ["encoder=lstm"]]


def test_a_run_is_told_from_a_sweep(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(RunError, match="is a single run, not a sweep"):
        read_plan(tmp_path)


def test_a_plan_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "sweep.json").mkdir()
    with pytest.raises(RunError, match=r"sweep\.json is not a regular file\. The plan of"):
        read_plan(tmp_path)
