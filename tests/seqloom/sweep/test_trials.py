"""Reading what trials left in their folders, whatever state these are in."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from privileges import dropped

from seqloom.errors import DataError
from seqloom.files import sha256
from seqloom.sweep.folder import SweepFolder
from seqloom.sweep.show import failures
from seqloom.sweep.trials import Trial, counted, open_sweep, read_trials, status
from seqloom.train.lease import Lease

from .conftest import AddTrial


def test_trials_are_read_in_the_order_of_their_numbers(sweep: Path) -> None:
    for number in (10, 2, 0):
        (sweep / str(number)).mkdir(parents=True)
    (sweep / "notes").mkdir()
    (sweep / "007").mkdir()  # no trial is called so
    (sweep / "7").touch()
    trials = read_trials(sweep)
    assert [trial.number for trial in trials] == [0, 2, 10]
    assert [trial.state for trial in trials] == ["waiting"] * 3


def test_the_plan_knows_trials_that_have_no_folder_yet(sweep: Path, add: AddTrial) -> None:
    add("encoder=lstm", val=0.5)
    entries = [{"number": i, "overrides": ["encoder=gru", f"seed={i}"]} for i in range(2)]
    plan = {"version": 1, "trials": [*entries, {"folder": "of no number"}, 7]}
    (sweep / "sweep.json").write_text(json.dumps(plan), encoding="utf-8")
    done, waiting = read_trials(sweep)
    assert (done.state, waiting.state) == ("done", "waiting")
    assert done.overrides() == {
        "encoder": "lstm",
        "seed": "1",
    }  # as the record says
    assert waiting.overrides() == {"encoder": "gru", "seed": "1"}
    assert waiting.seed == "1"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Expecting value"),
        ('{"state": "do', "Unterminated"),
        ("[1]", "expected a JSON object, found list"),
        ("{}", "does not hold the record of a run"),
    ],
    ids=["empty", "cut off", "no object", "nothing"],
)
def test_a_damaged_record_is_a_state(sweep: Path, add: AddTrial, text: str, reason: str) -> None:
    (add(val=0.5) / "run.json").write_text(text, encoding="utf-8")
    (trial,) = read_trials(sweep)
    assert trial.state == "damaged"
    assert reason in trial.record["error"]
    assert (trial.score(), trial.metrics, trial.overrides()) == (None, {}, {})


@pytest.mark.parametrize(
    "record",
    [
        {"state": "new"},
        {"state": "done", "metrics": 3, "monitor": 4, "overrides": "encoder=rnn"},
        {"state": "done", "metrics": {"val": {"f1": None}, "test": []}, "monitor": "f1"},
        {"state": "done", "metrics": {"val": {"f1": float("nan")}}, "monitor": "f1"},
    ],
)
def test_a_record_with_wrong_types_has_no_score(record: dict[str, Any]) -> None:
    trial = Trial(Path("0"), record)
    assert trial.score() is None
    assert trial.overrides() == {}


def test_a_record_that_may_not_be_read_is_not_called_damaged(sweep: Path, add: AddTrial) -> None:
    path = add(val=0.5) / "run.json"
    path.chmod(0)
    with dropped():
        (trial,) = read_trials(sweep)
    assert trial.state == "unreadable"
    assert failures([trial]) == [
        f"Trial 0 is unreadable: {path} cannot be read: Permission denied."
    ]


def test_a_damaged_plan_leaves_the_folders(sweep: Path, add: AddTrial) -> None:
    add(val=0.5)
    (sweep / "sweep.json").write_text("{", encoding="utf-8")
    assert [trial.state for trial in read_trials(sweep)] == ["done"]


def test_who_says_running_is_killed_unless_its_lease_is_held(sweep: Path, add: AddTrial) -> None:
    folder = add("encoder=lstm", state="running")
    assert read_trials(sweep)[0].state == "killed"
    with Lease(folder):
        assert read_trials(sweep)[0].state == "running"
    assert read_trials(sweep)[0].state == "killed"


def test_overrides_leave_out_what_is_no_setting() -> None:
    words = ["+trainer.x=1", "++a.b=c=d", "~logger", "run_dir=x", "resume=auto", "hydra.verbose=1"]
    words += ["hydra/launcher=joblib", "seed=3", "encoder=lstm"]
    assert Trial(Path("0"), {}, words).overrides() == {
        "trainer.x": "1",
        "a.b": "c=d",
        "logger": "~",
        "seed": "3",
        "encoder": "lstm",
    }


def test_a_higher_score_is_better_whatever_the_metric(sweep: Path, add: AddTrial) -> None:
    add(val=0.4)
    add(val=0.4, monitor="cer", higher=False)
    add(val=0.4, state="failed")
    assert [trial.score() for trial in read_trials(sweep)] == [0.4, -0.4, None]


def test_counts_by_state(sweep: Path, add: AddTrial) -> None:
    for state in ("failed", "done", "pruned", "done"):
        add(state=state)
    assert counted(read_trials(sweep)) == {"done": 2, "failed": 1, "pruned": 1}


def test_what_is_a_sweep(sweep: Path, add: AddTrial, tmp_path: Path) -> None:
    trial = add(val=0.5)
    assert SweepFolder(sweep).is_sweep()  # also a plain one, without a plan
    assert not SweepFolder(trial).is_sweep()
    with pytest.raises(DataError, match=r"is a single run, but the folder of a sweep"):
        open_sweep(trial)
    with pytest.raises(DataError, match=r"does not hold a sweep: it has neither sweep\.json nor"):
        open_sweep(tmp_path)
    with pytest.raises(DataError, match=r"cannot be read as a sweep: No such file"):
        open_sweep(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("expected", "words"),
    [(5, "1 done, 1 failed, 3 not started of 5"), (0, "1 done, 1 failed of 2")],
)
def test_trials_that_never_started_are_counted(
    sweep: Path, add: AddTrial, expected: int, words: str
) -> None:
    add(val=0.5)
    add(state="failed")
    (sweep / "sweep.json").write_text(json.dumps({"expected": expected}), encoding="utf-8")
    assert status(sweep, read_trials(sweep)) == words


def test_they_wait_while_a_process_leads_the_sweep(sweep: Path, add: AddTrial) -> None:
    add(val=0.5)
    plan = {"expected": 3, "trials": [{"number": 1, "overrides": []}]}
    (sweep / "sweep.json").write_text(json.dumps(plan), encoding="utf-8")
    assert status(sweep, read_trials(sweep)) == "1 done, 2 not started of 3"
    with Lease(sweep):
        assert status(sweep, read_trials(sweep)) == "1 done, 2 waiting of 3"


def test_an_empty_sweep(tmp_path: Path) -> None:
    assert status(tmp_path, []) == "No trials yet"


def test_epochs_are_counted_from_one_and_other_lines_are_left_out(tmp_path: Path) -> None:
    lines = [
        '{"step": 3, "epoch": 0.0, "train/loss": 2.0}',
        '{"step": 3, "epoch": 0.0, "val/f1": 0.25}',
        '{"step": 7, "epoch": 1.0, "val/f1": null}',
        '{"step": 11, "epoch": 2.0, "val/f1": 0.',
    ]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines), encoding="utf-8")
    found = Trial(tmp_path, {}).curve("val/f1")
    assert list(found) == [1, 2]
    assert found[1] == 0.25
    assert math.isnan(found[2])
    assert Trial(tmp_path / "nowhere", {}).curve("val/f1") == {}


def test_records_of_0_1_0_name_the_monitored_metric_watch(sweep: Path, add: AddTrial) -> None:
    path = add(val=0.5) / "run.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record["watch"] = record.pop("monitor")
    path.write_text(json.dumps(record), encoding="utf-8")
    (trial,) = read_trials(sweep)
    assert (trial.monitor, trial.score()) == ("f1", 0.5)


@pytest.mark.parametrize("damage", ["a folder", "a link to itself", "a value of another type"])
def test_metrics_that_cannot_be_read_are_left_out(
    sweep: Path, add: AddTrial, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    add(val=0.5)
    path = sweep / "0" / "metrics.jsonl"
    path.unlink(missing_ok=True)
    if damage == "a folder":
        path.mkdir()
    elif damage == "a link to itself":
        path.symlink_to(path.name)
    else:
        rows = [{"epoch": None, "val/f1": 0.1}, {"epoch": 0, "val/f1": []}]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    [trial] = read_trials(sweep)
    if damage.startswith("a value"):
        assert math.isnan(trial.curve("val/f1")[1])
    else:
        assert trial.curve("val/f1") == {}
        assert "The metrics of its epochs are left out" in caplog.text


def test_metrics_that_were_changed_after_the_run_are_told(
    sweep: Path, add: AddTrial, caplog: pytest.LogCaptureFixture
) -> None:
    path = add(val=0.5, curve=[0.4, 0.5]) / "metrics.jsonl"
    record = json.loads((path.parent / "run.json").read_bytes())
    text = json.dumps({**record, "metrics_log_sha256": sha256(path)})
    (path.parent / "run.json").write_text(text, encoding="utf-8")
    assert read_trials(sweep)[0].curve("val/f1") == {1: 0.4, 2: 0.5}
    assert not caplog.text
    path.write_bytes(path.read_bytes().replace(b"0.4", b"0.9"))
    assert read_trials(sweep)[0].curve("val/f1") == {1: 0.9, 2: 0.5}
    assert "metrics.jsonl was changed after the run: its curves may be wrong" in caplog.text
    path.unlink()
    assert read_trials(sweep)[0].curve("val/f1") == {}
    assert "The metrics of its epochs are left out" in caplog.text


def test_a_trial_without_metrics_has_no_curve(sweep: Path, add: AddTrial) -> None:
    (add(val=0.5, curve=[0.4, 0.5]) / "metrics.jsonl").unlink()
    (trial,) = read_trials(sweep)
    assert trial.curve("val/f1") == {}
