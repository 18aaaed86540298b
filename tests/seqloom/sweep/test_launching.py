"""Launching trials: their progress is printed, and a launcher that fails does not lose them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from joblib.externals.loky.process_executor import (  # type: ignore[import-untyped]
    TerminatedWorkerError,
)

from seqloom.errors import RunError
from seqloom.sweep.folder import Plan
from seqloom.sweep.launching import TrialLauncher, print_progress, progress_line
from seqloom.sweep.trials import read_trials
from seqloom.train.folder import RunFolder

AddTrial = Callable[..., Path]


def test_counts_the_best_and_the_time_left(sweep: Path, add: AddTrial) -> None:
    add(val=0.5)
    add(val=0.75)
    add(state="failed")
    add(state="pruned", val=0.9)  # of a trial that was given up
    add(state="interrupted")
    add(state="failed")
    assert progress_line(read_trials(sweep), 5, 50) == (
        "Sweep: 2 of 6 done, 2 failed, 1 pruned; best: trial 1 with val/f1 0.7500; about 10 s left"
    )


def test_trials_that_are_yet_to_be_planned_count(sweep: Path, add: AddTrial) -> None:
    add(val=0.5)
    add(state="interrupted")
    assert progress_line(read_trials(sweep), 1, 10, expected=6) == (
        "Sweep: 1 of 6 done; best: trial 0 with val/f1 0.5000; about 50 s left"
    )


def test_the_best_may_be_the_lowest(sweep: Path, add: AddTrial) -> None:
    for value in (0.5, 0.25, 0.75):
        add(val=value, monitor="cer", higher=False)
    assert progress_line(read_trials(sweep), 0, 1) == (
        "Sweep: 3 of 3 done; best: trial 1 with val/cer 0.2500"
    )


def test_no_best_where_trials_watch_different_metrics(sweep: Path, add: AddTrial) -> None:
    add(val=0.5)
    add(val=0.5, monitor="cer", higher=False)
    assert progress_line(read_trials(sweep), 2, 1) == "Sweep: 2 of 2 done"


@pytest.mark.parametrize("ended", [0, -1])  # less than none: one that failed is tried again
def test_nothing_is_said_of_the_time_before_a_trial_ended_here(
    sweep: Path, add: AddTrial, ended: int
) -> None:
    add(val=0.5)
    add(state="interrupted")
    assert progress_line(read_trials(sweep), ended, 99) == (
        "Sweep: 1 of 2 done; best: trial 0 with val/f1 0.5000"
    )


@pytest.mark.parametrize(
    ("seconds", "left"),
    [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (5399, "90 min"), (9000, "2.5 h")],
)
def test_durations_are_read_at_a_glance(
    sweep: Path, add: AddTrial, seconds: float, left: str
) -> None:
    add(val=0.5)
    add(state="interrupted")
    assert progress_line(read_trials(sweep), 1, seconds).endswith(f"; about {left} left")


def test_a_line_is_printed_whenever_a_trial_has_ended(
    sweep: Path, add: AddTrial, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = Plan(sweep, "grid", [], "", trials=[])
    add(val=0.5)  # by the process that was killed: it says nothing of this one's speed
    for _ in range(3):
        plan.add([])
    plan.save()
    said: list[str] = []

    def wait_for(lines: int) -> None:
        end = time.monotonic() + 600
        while len(said) < lines:
            said.extend(capsys.readouterr().err.splitlines())
            assert time.monotonic() < end, said
            time.sleep(0.01)

    threads = threading.active_count()
    with print_progress(plan, interval=0.01):
        add(val=0.75)
        wait_for(1)
        add(state="failed")
        wait_for(2)
    assert [one.partition("; best")[0] for one in said] == [
        "Sweep: 2 of 3 done",
        "Sweep: 2 of 3 done, 1 failed",
    ]
    assert "left" in said[0]
    assert "left" not in said[1]
    assert threading.active_count() == threads


@pytest.mark.parametrize(("expected", "last"), [(0, []), (2, []), (3, ["Sweep: 2 of 3 done"])])
def test_a_search_that_goes_on_gets_a_last_line(
    sweep: Path,
    add: AddTrial,
    capsys: pytest.CaptureFixture[str],
    expected: int,
    last: list[str],
) -> None:
    plan = Plan(sweep, "optuna", [], "", expected=expected)
    add(val=0.5)
    with print_progress(plan, interval=600):
        add(val=0.75)
    assert [one.partition("; best")[0] for one in capsys.readouterr().err.splitlines()] == last


class Broken:
    """A launcher whose workers are killed each time, as joblib's would be for want of memory."""

    def __init__(self) -> None:
        self.launched: list[list[str]] = []

    def launch(self, jobs: list[list[str]], initial_job_idx: int) -> None:
        """Say what joblib says."""
        self.launched.append([words[0] for words in jobs])
        raise TerminatedWorkerError("A worker process managed by the executor was …")


def test_a_launcher_under_which_nothing_begins_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqloom.sweep.launching.PATIENCE", 0.1)
    plan = Plan(tmp_path, "grid", [], "")
    planned = [plan.add([f"seed={seed}"]) for seed in range(3)]
    plan.save()
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "run.json").write_text('{"state": "failed"}')
    launcher = Broken()
    with pytest.raises(RunError, match="No trial started: TerminatedWorkerError"):
        TrialLauncher(launcher, plan).launch(planned)  # type: ignore[arg-type]
    # What ended under the first launch, badly or not, is not launched again.
    assert launcher.launched == [["seed=0", "seed=1", "seed=2"], ["seed=0", "seed=2"]]


def test_a_trial_whose_process_is_killed_also_alone_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("seqloom.sweep.launching.PATIENCE", 0.1)
    (tmp_path / "scontrol").write_text("#!/bin/sh\necho JobId=7 JobState=OUT_OF_MEMORY\n")
    (tmp_path / "scontrol").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    plan = Plan(tmp_path / "sweep", "grid", [], "")
    planned = [plan.add([f"seed={seed}"]) for seed in range(2)]
    plan.save()

    class Killing(Broken):
        """Kills the first trial each time, and with it, once, the second before it starts."""

        def launch(self, jobs: list[list[str]], initial_job_idx: int) -> None:
            if initial_job_idx == 0:
                RunFolder(plan.folder / "0").path.mkdir(exist_ok=True)
                attempt = {"state": "running", "job": "7@c"}
                record = {"state": "running", "history": [attempt], "attempts": 1}
                (plan.folder / "0" / "run.json").write_text(json.dumps(record))
                super().launch(jobs, initial_job_idx)
            self.launched.append([words[0] for words in jobs])
            (plan.folder / "1").mkdir()
            (plan.folder / "1" / "run.json").write_text('{"state": "done"}')

    launcher = Killing()
    TrialLauncher(launcher, plan).launch(planned)  # type: ignore[arg-type]
    assert launcher.launched == [["seed=0", "seed=1"], ["seed=1"], ["seed=0"]]
    first, second = read_trials(plan.folder)
    assert (first.state, second.state) == ("failed", "done")
    assert "was killed, also when the trial ran alone. Possible cause: out of memory." in str(
        first.record["error"]
    )
    assert "[0] was killed (job 7: OUT_OF_MEMORY): retrying it alone." in caplog.text


def test_a_trial_that_refuses_to_start_is_launched_once(tmp_path: Path) -> None:
    class Refusing:
        launched = 0

        def launch(self, jobs: list[list[str]], initial_job_idx: int) -> None:
            self.launched += 1
            if self.launched > 1:
                raise RuntimeError("launched again")

    plan = Plan(tmp_path, "grid", [], "")
    launcher = Refusing()
    TrialLauncher(launcher, plan).launch([plan.add([]), plan.add([])])  # type: ignore[arg-type]
    assert launcher.launched == 1


def test_another_error_of_a_launcher_is_not_taken_for_a_killed_worker(tmp_path: Path) -> None:
    class Faulty:
        def launch(self, jobs: list[list[str]], initial_job_idx: int) -> None:
            raise RuntimeError("boom")

    plan = Plan(tmp_path, "grid", [], "")
    with pytest.raises(RuntimeError, match="boom"):
        TrialLauncher(Faulty(), plan).launch([plan.add([])])  # type: ignore[arg-type]
