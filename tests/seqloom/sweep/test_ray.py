"""A sweep by the launcher for Ray, in an environment of its own: it needs an old cloudpickle."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
import time
import venv
from pathlib import Path
from typing import Any

import pytest

from seqloom.sweep.trials import read_trials

pytestmark = pytest.mark.slow

LAUNCHER = "hydra-ray-launcher>=1.2.2"
WORDS = ("encoder=rnn", "seed=1,2,3", "trainer.max_epochs=3")
RAY = (
    "hydra/launcher=ray",
    "+hydra.launcher.ray.init.num_cpus=2",
    "+hydra.launcher.ray.init.include_dashboard=false",
    "+hydra.launcher.ray.remote.num_cpus=1",
)
BUSY = {
    "RAY_agent_register_timeout_ms": "400000",
    "RAY_raylet_start_wait_time_s": "400",
    "RAY_worker_register_timeout_seconds": "400",
    "RAY_worker_niceness": "0",
    "RAY_AUTH_MODE": "disabled",
    "OMP_NUM_THREADS": "1",
}
"""Variables with which Ray starts on a machine with a busy neighbor."""

PATIENCE = 1500
"""Seconds that a sweep may take there."""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment with the launcher, and otherwise what this one has."""
    folder = tmp_path_factory.mktemp("ray") / "venv"
    venv.create(folder, symlinks=True, with_pip=True)
    found = folder / "bin" / "python"
    done = subprocess.run(
        [found, "-m", "pip", "install", "-q", LAUNCHER],
        env={name: one for name, one in os.environ.items() if name != "PIP_CONSTRAINT"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    if done.returncode:
        pytest.skip(f"{LAUNCHER} cannot be installed: {done.stderr.strip()[-300:]}")
    (packages,) = folder.glob("lib/python*/site-packages")
    ours = sysconfig.get_path("purelib")
    (packages / "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    return found


def started(python: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [python, "-P", "-m", "seqloom", *words],
        env=os.environ | BUSY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finished(program: subprocess.Popen[str]) -> tuple[int, str]:
    with program:
        said = program.communicate(timeout=PATIENCE)[0]
    return program.returncode, said


def results(folder: Path) -> list[Any]:
    return [trial.record.get("metrics") for trial in read_trials(folder)]


def test_a_sweep_by_ray_is_killed_resumed_and_like_any_other(
    python: Path, small: tuple[str, ...], tmp_path: Path
) -> None:
    sweep, plain = tmp_path / "ray", tmp_path / "basic"
    program = started(python, "train", "-m", *small, *WORDS, *RAY, f"run_dir={sweep}")
    end = time.monotonic() + PATIENCE
    while not (sweep.exists() and any(trial.done for trial in read_trials(sweep))):
        assert program.poll() is None, finished(program)
        assert time.monotonic() < end
        time.sleep(0.5)
    program.kill()
    finished(program)
    status, said = finished(started(python, "sweep", "resume", str(sweep)))
    assert status == 0, said
    states = [trial.state for trial in read_trials(sweep)]
    assert states == ["done"] * 3
    assert {path.name for path in sweep.iterdir()} == {"0", "1", "2", "index.json", "sweep.json"}
    status, said = finished(started(python, "train", "-m", *small, *WORDS, f"run_dir={plain}"))
    assert status == 0, said
    assert results(sweep) == results(plain)
    record = json.loads((sweep / "0" / "run.json").read_text(encoding="utf-8"))
    assert record["config"]["threads"] == 1
