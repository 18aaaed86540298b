"""What ends a sweep and what does not: a worker that is killed, Ctrl-C, trials that never end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from seqloom.cli.main import run
from seqloom.errors import RunError
from seqloom.sweep.folder import Plan
from seqloom.sweep.sweeper import _by_this_job
from seqloom.sweep.trials import read_trials

Start = Callable[..., "subprocess.Popen[str]"]

JOBLIB = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")

SLEEP = '''
import os, time
from pathlib import Path
import pytorch_lightning as pl

class Sleep(pl.Callback):
    """Sleeps before the second trial trains, as long as a file is there."""

    def on_train_start(self, trainer, module):
        while Path(trainer.default_root_dir).name == "1" and Path(os.environ["FLAG"]).exists():
            time.sleep(0.1)
'''
CALLBACK = "+callbacks.sleep._target_=sleepy.Sleep"

DEADLY = '''
import os, signal
from pathlib import Path
import pytorch_lightning as pl

class Deadly(pl.Callback):
    """Kills the process of the first trial, as the system does that has no memory left."""

    def on_train_start(self, trainer, module):
        if Path(trainer.default_root_dir).name == "0":
            os.kill(os.getpid(), signal.SIGKILL)
'''


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for PYTHONPATH with a callback that makes a trial wait."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "sleepy.py").write_text(SLEEP, encoding="utf-8")
    (folder / "deadly.py").write_text(DEADLY, encoding="utf-8")
    return folder


def states(folder: Path) -> list[str]:
    return [trial.state for trial in read_trials(folder)] if folder.exists() else []


def attempts(folder: Path, number: int) -> list[str]:
    """Return what became of each attempt at a trial."""
    record = json.loads((folder / str(number) / "run.json").read_text("utf-8"))
    return [one["state"] for one in record["history"]]


def wait_until(true: Callable[[], bool], running: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 600
    while not true():
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


class Interrupted(NamedTuple):
    """A sweep that its user ended while its second trial ran."""

    folder: Path
    status: int
    said: str
    refused: RunError
    pid: int


@pytest.fixture(scope="module")
def interrupted(
    tmp_path_factory: pytest.TempPathFactory, start: Start, site: Path, small: tuple[str, ...]
) -> Interrupted:
    """Try to resume a sweep that runs, then send it Ctrl-C."""
    root = tmp_path_factory.mktemp("interrupted")
    folder, flag = root / "sweep", root / "flag"
    flag.touch()
    words = ["-m", *small, "seed=1,2,3", CALLBACK, f"run_dir={folder}"]
    with start("train", *words, site=site, FLAG=str(flag)) as running:
        wait_until(lambda: states(folder) == ["done", "running", "waiting"], running)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.argv", ["seqloom"])
            patch.chdir(root)
            with pytest.raises(RunError) as refused:
                run(["sweep", "resume", str(folder)])
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=600)
    return Interrupted(folder, running.returncode, said, refused.value, running.pid)


def test_one_process_at_a_time_leads_a_sweep(interrupted: Interrupted) -> None:
    refusal = str(interrupted.refused)
    assert refusal.startswith(f"{interrupted.folder} is in use: process {interrupted.pid} on ")
    assert refusal.endswith(f"Wait for it to end, or stop it: kill {interrupted.pid}")


def test_ctrl_c_ends_the_sweep_and_says_how_to_go_on(interrupted: Interrupted) -> None:
    folder = interrupted.folder
    assert interrupted.status == 130
    assert f"To continue: seqloom sweep resume {folder}\nInterrupted." in interrupted.said
    assert "Traceback" not in interrupted.said
    assert states(folder) == ["done", "interrupted", "waiting"]
    assert attempts(folder, 1) == ["interrupted"]
    assert not list(folder.rglob("*lease*"))


@pytest.mark.slow
def test_a_joblib_worker_that_is_killed_costs_no_trial(
    tmp_path: Path, start: Start, site: Path, small: tuple[str, ...]
) -> None:
    folder, flag = tmp_path / "sweep", tmp_path / "flag"
    flag.touch()
    words = ["-m", *small, "seed=1,2,3", CALLBACK, *JOBLIB, f"run_dir={folder}"]
    with start("train", *words, site=site, FLAG=str(flag), TMPDIR=str(tmp_path)) as running:
        wait_until(lambda: states(folder) == ["done", "running", "done"], running)
        before = {n: (folder / n / "run.json").read_bytes() for n in ("0", "2")}
        worker = json.loads((folder / "1" / "lease.json").read_text())["pid"]
        assert worker != running.pid
        flag.unlink()
        os.kill(worker, signal.SIGKILL)
        _, said = running.communicate(timeout=600)
    assert running.returncode == 0, said
    assert "[1] was killed: retrying it alone." in said
    assert attempts(folder, 1) == ["killed", "done"]
    assert {n: (folder / n / "run.json").read_bytes() for n in before} == before
    assert {path.name for path in folder.iterdir()} == {"0", "1", "2", "index.json", "sweep.json"}


@pytest.mark.slow
@pytest.mark.parametrize("launcher", [JOBLIB, ("hydra/launcher=submitit_local",)], ids=str)
def test_a_trial_that_kills_its_process_each_time_fails_alone(
    tmp_path: Path, start: Start, site: Path, small: tuple[str, ...], launcher: tuple[str, ...]
) -> None:
    folder = tmp_path / "sweep"
    words = ["-m", *small, "seed=1,2,3", "+callbacks.deadly._target_=deadly.Deadly", *launcher]
    with start("train", *words, f"run_dir={folder}", site=site, TMPDIR=str(tmp_path)) as running:
        out, said = running.communicate(timeout=600)
    assert running.returncode == 1, said
    assert states(folder) == ["failed", "done", "done"]
    assert "[0] Error: Its process was killed, also when the trial ran alone." in said
    assert "Traceback" not in said
    assert "val f1" in out  # the leaderboard


def test_a_job_that_was_requeued_knows_its_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Plan(tmp_path, "grid", [], "", job="7@c").save()
    for name in ("SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    assert not _by_this_job(tmp_path)
    monkeypatch.setenv("ENVIRONMENT", "BATCH")
    monkeypatch.setenv("SLURM_CLUSTER_NAME", "c")
    for number, same in (("7", True), ("8", False)):
        monkeypatch.setenv("SLURM_JOB_ID", number)
        assert _by_this_job(tmp_path) == same
