"""Sweeps that were killed or failed, resumed: nothing is lost, nothing repeated."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from seqloom.cli import resume
from seqloom.cli.main import run
from seqloom.errors import RunError
from seqloom.sweep.folder import Plan
from seqloom.sweep.trials import read_trials
from seqloom.train.lease import Lease
from seqloom.train.stored_record import read_record, write_record

Program = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]

JOBLIB = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
WORDS = ("threads=1", "trainer.max_epochs=3", "encoder=rnn,lstm", "seed=1,2")


@pytest.fixture(scope="module", autouse=True)
def _own_process() -> Iterator[None]:
    """Leave this process as it was: commands that run in it change its folder and its words."""
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["seqloom"])
        patch.chdir(Path.cwd())
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, small: tuple[str, ...]) -> Path:
    """Return the folder of a sweep that nothing happened to."""
    folder = tmp_path_factory.mktemp("undisturbed") / "sweep"
    assert run(["train", "-m", *small, *WORDS, f"run_dir={folder}"]) == 0
    return folder


@pytest.fixture
def ended(undisturbed: Path, tmp_path: Path) -> Path:
    """Return a copy of that sweep, for a test to damage."""
    return Path(shutil.copytree(undisturbed, tmp_path / "sweep"))


def record(folder: Path, number: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / str(number) / "run.json").read_text("utf-8"))
    return found


def rewrite(folder: Path, number: int, **changes: Any) -> bytes:
    """Change a trial's record as a process that was killed would have left it."""
    path = folder / str(number) / "run.json"
    write_record(path, read_record(path) | changes)
    return path.read_bytes()


def attempts(folder: Path, number: int) -> list[str]:
    """Return what became of each attempt at a trial."""
    return [attempt["state"] for attempt in record(folder, number)["history"]]


def results(folder: Path) -> list[Any]:
    """Return all that a trial's numbers are: final metrics and those on the way there."""
    return [
        (trial.record["metrics"], (trial.folder / "metrics.jsonl").read_text("utf-8"))
        for trial in read_trials(folder)
    ]


def done(folder: Path) -> dict[int, bytes]:
    """Return the records, to the byte, of the trials that are done."""
    trials = read_trials(folder) if folder.exists() else []
    return {one.number: (one.folder / "run.json").read_bytes() for one in trials if one.done}


def board(folder: Path, capsys: pytest.CaptureFixture[str]) -> list[Any]:
    """Return the leaderboard, but for what took how long."""
    capsys.readouterr()
    assert run(["sweep", "show", str(folder), "--format", "json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    keys = ("values", "trials", "states", "val", "test", "best", "p", "parameters")
    return [{key: row[key] for key in keys} for row in found["rows"]]


def begun(folder: Path) -> int:
    return len(list(folder.glob("*/run.json")))


def wait_until(true: Callable[[], bool], running: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 600
    while not true():
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


@pytest.mark.parametrize(
    "launcher", [(), pytest.param(JOBLIB, marks=pytest.mark.slow)], ids=["basic", "joblib"]
)
def test_a_sweep_that_is_killed_twice_comes_to_what_it_would_have(  # noqa: PLR0917
    tmp_path: Path,
    undisturbed: Path,
    start: Start,
    program: Program,
    small: tuple[str, ...],
    launcher: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder, temporary = tmp_path / "sweep", str(tmp_path)
    command = ["train", "-m", *small, *WORDS, *launcher, f"run_dir={folder}"]
    kept: dict[int, bytes] = {}
    for trials_begun in (1, 3):
        with start(*command, TMPDIR=temporary) as running:
            wait_until(lambda count=trials_begun: begun(folder) >= count, running)  # type: ignore[misc]
            time.sleep(0.7 * random.random())
            running.kill()
            # The pipes end with the last process that has them: no worker trains on.
            running.communicate(timeout=600)
        assert kept.items() <= done(folder).items()
        kept = done(folder)
        command = ["sweep", "resume", str(folder)]
    # Joblib's workers would outlive the test in a process that lives on.
    status = program(*command, TMPDIR=temporary).returncode if launcher else run(command)
    assert status == 0
    assert kept.items() <= done(folder).items()
    assert results(folder) == results(undisturbed)
    assert board(folder, capsys) == board(undisturbed, capsys)
    for number in range(4):
        *before, last = attempts(folder, number)
        assert last == "done"
        assert set(before) <= {"killed"}
    assert len(list(folder.iterdir())) == 6  # the trials, the plan, the index


def test_a_trial_killed_before_it_said_done_ends_as_it_would_have(
    ended: Path, undisturbed: Path
) -> None:
    kept = done(ended)
    killed = record(ended, 1)
    rewrite(ended, 1, state="running", history=[{**killed["history"][0], "state": "running"}])
    (ended / "3" / "run.json").unlink()  # killed before it said anything: only its folder is there
    assert [trial.state for trial in read_trials(ended)] == ["done", "killed", "done", "waiting"]
    assert run(["sweep", "resume", str(ended)]) == 0
    assert {n: done(ended)[n] == kept[n] for n in kept} == {0: True, 1: False, 2: True, 3: False}
    assert attempts(ended, 1) == ["killed", "done"]
    assert results(ended) == results(undisturbed)


def test_nothing_is_left_to_do(ended: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rewrite(ended, 2, state="pruned")
    before = {path: path.stat().st_mtime_ns for path in ended.glob("[0-9]*/**/*")}
    assert run(["sweep", "resume", str(ended)]) == 0
    assert {path: path.stat().st_mtime_ns for path in ended.glob("[0-9]*/**/*")} == before
    assert "Trials left to run: 0 of 4." in capfd.readouterr().err


def test_a_trial_of_another_process_is_left_to_it(
    ended: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = rewrite(ended, 1, state="running")
    with Lease(ended / "1"):
        assert run(["sweep", "resume", str(ended)]) == 0  # it may end well yet
    assert (ended / "1" / "run.json").read_bytes() == before
    said = capfd.readouterr().err
    assert "Trial 1 is skipped: another process is running it." in said
    assert "Trials left to run: 0 of 4." in said


def test_a_sweep_is_finished_by_one_process(ended: Path) -> None:
    rewrite(ended, 1, state="interrupted")
    sentence = rf"{ended} is in use: process {os.getpid()} on .* has held it since"
    with Lease(ended), pytest.raises(RunError, match=sentence):
        run(["sweep", "resume", str(ended)])
    assert record(ended, 1)["attempts"] == 1


@pytest.mark.parametrize(
    "values",
    [
        "optimizer.lr=-1,0.01",
        "head.field=tgas,tags",
    ],
)
def test_what_failed_is_tried_up_to_three_times(
    tmp_path: Path, small: tuple[str, ...], capfd: pytest.CaptureFixture[str], values: str
) -> None:
    folder = tmp_path / "sweep"
    resume = ["sweep", "resume", str(folder)]
    words = [*small, "encoder=rnn", values, f"run_dir={folder}"]
    with pytest.raises(RunError, match="1 of 2 trials did not succeed"):
        run(["train", "-m", *words])
    kept = done(folder)
    for arguments, count in (([], 2), ([], 3), ([], 3), (["--attempts", "4"], 4)):
        with pytest.raises(RunError, match="1 of 2 trials did not succeed"):
            run([*resume, *arguments])
        assert attempts(folder, 0) == ["failed"] * count
    assert list(kept) == [1]
    assert done(folder) == kept
    said = capfd.readouterr().err
    left = "Trial 0 failed 3 times and is not tried again. For more attempts: seqloom sweep resume"
    assert said.count(f"{left} {folder} --attempts N") == 1


SENTENCES = "Apple B-ORG\nis O\ncheap O\n. O\n\nBerlin B-LOC\nis O\nbig O\n. O\n"


def test_paths_are_relative_to_where_the_sweep_was_begun(
    tmp_path: Path,
    small: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    home, elsewhere = tmp_path / "a 'home'", tmp_path / "elsewhere"
    home.mkdir()
    elsewhere.mkdir()
    monkeypatch.chdir(home)
    words = [word for word in small if not word.startswith("data.")]
    data = ["data=conll", "data.train=train.conll", "data.val=null", "data.test=null"]
    # The file is not there yet, so both trials fail.
    with pytest.raises(RunError, match="2 of 2 trials did not succeed"):
        run(["train", "-m", *words, *data, "seed=1,2", "run_dir=sweep"])
    assert [trial.state for trial in read_trials(home / "sweep")] == ["failed"] * 2
    (home / "train.conll").write_text(SENTENCES, encoding="utf-8")
    monkeypatch.chdir(elsewhere)
    assert run(["sweep", "resume", str(home / "sweep")]) == 0
    assert f"Resuming in {home}: seqloom train -m " in capsys.readouterr().err
    assert [trial.state for trial in read_trials(home / "sweep")] == ["done"] * 2
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, r"does not hold a sweep: it has no sweep\.json. Pass a folder"),
        ("{", r"sweep\.json.* damaged"),
        ("[]", r"sweep\.json.* damaged"),
        ('{"version": 1}', r"sweep\.json is damaged: "),
        ('{"version": 2, "trials": []}', r"has version 2; this seqloom reads version 1\."),
    ],
)
def test_what_is_no_sweep_that_can_go_on(
    tmp_path: Path, content: str | None, sentence: str
) -> None:
    if content is not None:
        (tmp_path / "sweep.json").write_text(content, encoding="utf-8")
    with pytest.raises(RunError, match=sentence):
        run(["sweep", "resume", str(tmp_path)])
    assert len(list(tmp_path.iterdir())) == (content is not None)


def test_where_it_was_begun_must_be_there(ended: Path) -> None:
    plan = json.loads((ended / "sweep.json").read_text())
    (ended / "sweep.json").write_text(json.dumps({**plan, "cwd": "/not/there"}))
    with pytest.raises(
        RunError, match=r"sweep\.json was changed after seqloom wrote it\. If that was"
    ):
        run(["sweep", "resume", str(ended)])
    del plan["sha256"]
    (ended / "sweep.json").write_text(json.dumps({**plan, "cwd": "/not/there"}))
    with pytest.raises(RunError, match=r"started in /not/there, which does not exist\. Paths in"):
        run(["sweep", "resume", str(ended)])


def test_another_launcher_gets_no_settings_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def train(words: list[str]) -> int:
        asked.append(words)
        return 0

    monkeypatch.setattr(resume, "train", train)
    launcher = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    Plan(tmp_path, "grid", [*launcher, "seed=1,2"], str(tmp_path)).save()
    own = ["hydra/launcher=basic", "--attempts", "2"]
    monkeypatch.chdir(tmp_path)
    assert run(["sweep", "resume", str(tmp_path), *own]) == 0
    (words,) = asked
    assert words[:4] == ["-m", "seed=1,2", "hydra/launcher=basic", "hydra.sweeper.attempts=2"]
    assert words[4:] == [f"run_dir='{tmp_path}'", "resume=auto"]
