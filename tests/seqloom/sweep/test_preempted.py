"""The preemption of a sweep or of one trial ends all trials, which sweep resume then finishes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from seqloom.sweep.folder import SweepFolder
from seqloom.sweep.preempted import requeue_submitted, run_preemptible
from seqloom.sweep.trials import read_trials
from seqloom.train import preemption
from seqloom.train.preemption import EXIT_CODE, Preempted
from seqloom.train.watch import SWEEP_VARIABLE, Process

Start = Callable[..., "subprocess.Popen[str]"]
Program = Callable[..., "subprocess.CompletedProcess[str]"]

JOBLIB = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")

SIGNALLER = '''
import os, signal, time
from pathlib import Path
import pytorch_lightning as pl

class Signaller(pl.Callback):
    """Sends a signal in the second trial, or waits in others until there is one."""

    def __init__(self, whom, alone):
        self.whom, self.alone = whom, alone

    def on_train_batch_start(self, trainer, *rest):
        if "QUIET" in os.environ:
            return
        folder = Path(trainer.default_root_dir)
        if folder.name == "1" and trainer.global_step == 2:
            while not (self.alone or (folder.parent / "0" / "run.json").exists()):
                time.sleep(0.05)  # workers start at different times
            leader = int(os.environ["SEQLOOM_SWEEP"].split("@")[0])
            if self.whom == "sweep":
                os.kill(leader, signal.SIGUSR1)
            elif self.whom == "trial":
                os.kill(os.getpid(), signal.SIGUSR1)
        if not self.alone and trainer.global_step == 3:
            from seqloom.train import preemption
            end = time.monotonic() + 300
            while preemption.requested() is None and time.monotonic() < end:
                time.sleep(0.05)
'''


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for PYTHONPATH with a callback that sends a signal."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "signaller.py").write_text(SIGNALLER, encoding="utf-8")
    return folder


def signaller(whom: str, alone: bool) -> str:
    return f"+callbacks.signaller={{_target_: signaller.Signaller, whom: {whom}, alone: {alone}}}"


def states(folder: Path) -> list[str]:
    return [trial.state for trial in read_trials(folder)]


def test_a_trial_in_the_process_of_the_sweep(
    tmp_path: Path, program: Program, site: Path, small: tuple[str, ...]
) -> None:
    folder = tmp_path / "sweep"
    words = ["-m", *small, "seed=1,2,3", signaller("trial", True), f"run_dir={folder}"]
    done = program("train", *words, site=site)
    assert done.returncode == EXIT_CODE, done.stderr
    assert states(folder) == ["done", "preempted", "waiting"]
    assert f"To continue: seqloom sweep resume {folder}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not SweepFolder(folder).preempted.exists()
    after = program("sweep", "resume", folder, site=site, QUIET="1")
    assert after.returncode == 0, after.stderr
    assert states(folder) == ["done"] * 3
    record = json.loads((folder / "1" / "run.json").read_text("utf-8"))
    assert [one["state"] for one in record["history"]] == ["preempted", "done"]


@pytest.mark.slow
@pytest.mark.parametrize("whom", ["sweep", "trial"])
def test_trials_in_workers(
    tmp_path: Path, program: Program, site: Path, small: tuple[str, ...], whom: str
) -> None:
    folder = tmp_path / "sweep"
    words = ["-m", *small, "seed=1,2,3,4", signaller(whom, False), *JOBLIB, f"run_dir={folder}"]
    done = program("train", *words, "trainer.max_epochs=3", site=site)
    assert done.returncode == EXIT_CODE, done.stderr
    assert states(folder) == ["preempted", "preempted", "waiting", "waiting"]
    assert "Traceback" not in done.stderr, done.stderr
    after = program("sweep", "resume", folder, site=site, QUIET="1")
    assert after.returncode == 0, after.stderr
    assert states(folder) == ["done"] * 4


@pytest.fixture
def leader(monkeypatch: pytest.MonkeyPatch) -> subprocess.Popen[bytes]:
    """Start a process that counts as that of the sweep."""
    process = subprocess.Popen(["sleep", "60"])
    own = Process.current()
    started = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[19]
    known = Process(process.pid, started, own.host, own.boot)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.setenv(SWEEP_VARIABLE, f"{known.to_text()};")
    return process


def test_a_worker_tells_the_sweep_and_starts_nothing_more(
    tmp_path: Path, leader: subprocess.Popen[bytes]
) -> None:
    started = []

    def run() -> None:
        started.append("it")
        os.kill(os.getpid(), signal.SIGUSR2)
        preemption.check()

    with preemption.handled():
        run_preemptible(tmp_path, run)
        assert leader.wait(600) == -signal.SIGTERM
    assert started == ["it"]
    with preemption.handled():
        SweepFolder(tmp_path).preempted.write_text("SIGTERM")
        run_preemptible(tmp_path, run)
    assert started == ["it"]


def test_a_job_of_its_own_is_preempted_alone(
    tmp_path: Path, leader: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")

    def run() -> None:
        raise Preempted("SIGTERM")

    with pytest.raises(Preempted):
        run_preemptible(tmp_path, run)
    time.sleep(0.1)
    assert leader.poll() is None
    leader.kill()
    leader.wait()


SUBMITTED = """
import os, signal
from pathlib import Path
from seqloom.sweep.preempted import run_preemptible
from seqloom.train import preemption
os.environ["SUBMITIT_EXECUTOR"] = "slurm"
signal.signal(signal.SIGUSR2, lambda *_: exit("submitit left without a checkpoint"))
def run():
    os.kill(os.getpid(), signal.SIGUSR2)
    print("finished its step")
    preemption.check()
run_preemptible(Path("sweep"), run)
"""


def test_a_job_that_submitit_started_finishes_its_step(python: Program) -> None:
    done = python(SUBMITTED)
    assert (done.returncode, done.stdout) == (EXIT_CODE, "finished its step\n"), done.stderr


@pytest.mark.parametrize(
    ("changes", "warned"),
    [({}, True), ({"SLURM_PROCID": "1"}, False), ({"SUBMITIT_EXECUTOR": "local"}, False)],
)
def test_the_first_task_of_a_job_of_submitit_is_requeued(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    changes: dict[str, str],
    warned: bool,
) -> None:
    job = {"SLURM_JOB_ID": "7", "ENVIRONMENT": "BATCH", "SUBMITIT_EXECUTOR": "slurm"}
    monkeypatch.setenv("PATH", "")  # there is no Slurm to do it
    requeue_submitted(job | changes)
    assert ("Slurm job 7 could not be requeued. To finish: seqloom sw" in caplog.text) == warned
