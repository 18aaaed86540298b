"""The runs that these tests look at: each is made once, as it takes seconds.

``naive`` holds scripts for Hydra and Lightning alone, which go wrong; ``parts`` what the runs of
either kind are watched with.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fork_server import ForkServer

HERE = Path(__file__).parent
PARTS = HERE / "parts"
collect_ignore = ["naive", "parts"]  # programs and what they import
WITNESS = "+callbacks.witness={_target_: witness.Witness}"
RANKS = ("trainer.accelerator=cpu", "trainer.devices=2")

RUNS = ("sweep", "search", "terminated")
SLURM = {
    "SLURM_JOB_ID": "424242",
    "SLURM_JOB_NAME": "job",
    "SLURM_NTASKS": "1",
    "SLURM_PROCID": "0",
    "SLURM_LOCALID": "0",
    "SLURM_NODEID": "0",
}
"""What a job finds that ``srun`` started."""

Program = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]
Naive = Callable[..., "subprocess.Popen[str]"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests that look at the same run on one core; what goes wrong naively is slow."""
    for item in items:
        if HERE in item.path.parents and isinstance(item, pytest.Function):
            naive = any(name.startswith("naive") for name in item.fixturenames)
            runs = [name for name in item.fixturenames if name in RUNS]
            item.add_marker(pytest.mark.xdist_group(f"pitfalls {'naive' if naive else runs}"))
            if naive:
                item.add_marker(pytest.mark.slow)


@dataclass(frozen=True)
class Ended:
    """A program that has ended.

    Attributes:
        folder: of its run or sweep.
        code: that it ended with.
        said: on standard error.
    """

    folder: Path
    code: int
    said: str

    def trials(self) -> list[dict[str, Any]]:
        """Return the records of a sweep's trials."""
        return [record(self.folder / name) for name in self.names()]

    def names(self) -> list[str]:
        """Return the names of the folders in the folder."""
        return sorted(path.name for path in self.folder.iterdir() if path.is_dir())

    def seen(self, trial: int | str = "") -> list[dict[str, Any]]:
        """Return what each rank of a run, or of a sweep's trial, has seen."""
        files = sorted((self.folder / str(trial)).glob("seen-*.json"))
        return [json.loads(path.read_text()) for path in files]


def record(folder: Path) -> dict[str, Any]:
    """Return what a run says of itself."""
    found: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return found


@pytest.fixture(scope="session")
def slurm() -> dict[str, str]:
    """Return the variables of a Slurm job."""
    return SLURM


@pytest.fixture(scope="session")
def parts() -> Path:
    """Return the folder of what runs are watched with."""
    return PARTS


@pytest.fixture(scope="session")
def naive() -> Naive:
    """Start a script of Hydra and Lightning alone, as the leader of a group of processes."""

    def start(script: str, *words: str, folder: Path, **extra: str) -> subprocess.Popen[str]:
        with (folder / "said.txt").open("w") as said:
            return subprocess.Popen(
                [sys.executable, str(HERE / "naive" / script), *words],
                env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(PARTS), **extra},
                cwd=folder,
                stdout=said,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    return start


def code_of(run: subprocess.Popen[str], seconds: float = 600) -> int:
    """Wait for a naive program; whatever comes of it, none of its processes stays."""
    try:
        return run.wait(seconds)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
        run.wait()


@pytest.fixture(scope="session")
def naive_sweep(naive: Naive, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a naive sweep: of trials on two ranks, on one, and on two again.

    In the third of four trials rank 1 ends with a status of its own.
    """
    folder = tmp_path_factory.mktemp("naive-sweep")
    words = ("-m", "devices=2,1,2,2", "fault=exit", "faulty=2")
    assert code_of(naive("sweep.py", *words, folder=folder)) != 0
    return folder


@pytest.fixture(scope="session")
def naive_runs(naive: Naive, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what several naive runs in one process of a Slurm job came to."""
    folder = tmp_path_factory.mktemp("naive-runs")
    assert code_of(naive("one_process.py", folder=folder, **SLURM)) == 0
    found: dict[str, Any] = json.loads((folder / "found.json").read_text())
    return found


@pytest.fixture(scope="session")
def sweep(
    program: Program, small: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> Ended:
    """Return a sweep in one process: trials 0 and 1 on two ranks, then 2 and 3 on one.

    Rank 1 fails in trial 1.
    """
    folder = tmp_path_factory.mktemp("sweep")
    service = f"name: '${{trainer.devices}}-${{seed}}', folder: {folder / 'logs'}"
    words = [
        *small,
        "batch.max_examples=2",
        "trainer.devices=2,1",
        "seed=1,2",
        WITNESS,
        "+callbacks.saboteur={_target_: witness.Saboteur, seed: ${seed}}",
        f"+logger.service={{_target_: service.ServiceLogger, {service}}}",
    ]
    done = program("train", "-m", *words, f"run_dir={folder / 'sweep'}", site=PARTS)
    return Ended(folder / "sweep", done.returncode, done.stderr)


@pytest.fixture(scope="session")
def search(
    program: Program,
    small: tuple[str, ...],
    fork_server: ForkServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Ended:
    """Return a search of two trials at once, each on two ranks, in one Slurm job."""
    folder = tmp_path_factory.mktemp("search") / "sweep"
    words = [
        *(word for word in small if not word.startswith("encoder.hidden_size")),
        *RANKS,
        WITNESS,
        *("hydra/sweeper=optuna", "hydra.sweeper.n_trials=2"),
        *("hydra/launcher=joblib", "hydra.launcher.n_jobs=2"),
        *("encoder.hidden_size=range(4,40)", "optimizer.lr=interval(0.001,0.1)"),
    ]
    quick = {"TEST_PYTHON": fork_server.python}
    done = program("train", "-m", *words, f"run_dir={folder}", site=PARTS, **SLURM, **quick)
    return Ended(folder, done.returncode, done.stderr)


LINES = (
    "data=digit_lines",
    *("data.train=40", "data.val=16", "data.test=0"),
    *("data.min_length=1", "data.max_length=2", "data.height=16"),
    *("frontend=line_image", "frontend.height=16"),
    *("frontend.channels=[4,6]", "frontend.pooling=[2x4,2x4]"),
    *("encoder.hidden_size=8", "head=ctc", "batch.max_examples=1", "on_bad=skip"),
)
"""Lines of digits, of which some are too short for their text."""


@pytest.fixture(scope="session")
def terminated(start: Start, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """Return a run on two ranks, some of whose lines no CTC can read, ended by SIGTERM."""
    folder = tmp_path_factory.mktemp("terminated") / "run"
    words = [*LINES, *RANKS, "trainer.max_epochs=5000", "callbacks=none", WITNESS]
    return terminate(start("train", *words, f"run_dir={folder}", site=PARTS), folder)


def terminate(run: subprocess.Popen[str], folder: Path) -> Ended:
    """Send SIGTERM after the second epoch; the run must end within half a minute."""
    steps = folder / "metrics.jsonl"
    end = time.monotonic() + 600
    try:
        while not (steps.exists() and '"epoch": 2' in steps.read_text()):
            assert run.poll() is None
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.2)
        run.send_signal(signal.SIGTERM)
        _, said = run.communicate(timeout=600)
    except BaseException:
        run.kill()
        raise
    return Ended(folder, run.returncode, said)
