"""A real Slurm of two nodes on this machine, and jobs on it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import without_plots

SCRIPT = Path(__file__).parents[2] / "scripts" / "slurm"
PROGRAM = (sys.executable, "-P", "-m", "seqloom")
SMALL = (
    "data.train_size=120",
    "data.val_size=20",
    "data.test_size=20",
    "callbacks=none",
    "trainer.accelerator=cpu",
    "trainer.log_every_n_steps=1",
    "batch.max_examples=4",
)
"""Settings of trainings on few examples."""

PATIENCE = 600
"""Seconds that a job may take on a machine with a busy neighbor."""


@dataclass(frozen=True)
class Slurm:
    """A cluster."""

    variables: dict[str, str]

    def call(self, *command: str | Path, cwd: Path | None = None, check: bool = True) -> str:
        """Run one of Slurm's commands, or a program of its user, and return what it prints."""
        done = subprocess.run(
            list(map(str, command)),
            env=self.variables,
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert done.returncode == 0 or not check, done.stdout + done.stderr
        return done.stdout + ("" if check else done.stderr)

    def submit(self, script: Path) -> str:
        """Submit a job from the folder of its script, and return its number."""
        return self.call("sbatch", "--parsable", script.name, cwd=script.parent).strip()

    def facts(self, job: str) -> dict[str, str]:
        """Return what Slurm knows of a job."""
        shown = self.call("scontrol", "show", "job", job)
        return dict(word.partition("=")[::2] for word in shown.split() if "=" in word)

    def state(self, job: str) -> str:
        """Return the state of a job."""
        return self.facts(job)["JobState"]

    def wait(self, job: str, until: Callable[[], bool] | None = None) -> None:
        """Wait for something that a job does, or for its end."""
        end = time.monotonic() + PATIENCE
        while not until() if until else self.state(job) in {"PENDING", "RUNNING", "COMPLETING"}:
            state = self.state(job)
            assert until is None or state in {"PENDING", "RUNNING", "COMPLETING"}, state
            assert time.monotonic() < end, self.facts(job)
            time.sleep(0.2)


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    """Start a cluster; tests are skipped where Slurm is not installed or does not start."""
    paths = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    if not all(shutil.which(name, path=paths) for name in ("slurmctld", "slurmd", "munged")):
        pytest.skip("Slurm is not installed: scripts/slurm install")
    home = Path(tempfile.mkdtemp(prefix="slurm"))
    variables = {name: one for name, one in os.environ.items() if not name.startswith("SLURM")}
    variables |= {
        "SLURM_LOCAL": str(home),
        "SLURM_LOCAL_PORT": str(_free_ports()),
        "OMP_NUM_THREADS": "1",
        without_plots.VARIABLE: "1",
    }
    try:
        started = subprocess.run(
            [SCRIPT, "up"], env=variables, capture_output=True, text=True, check=False, timeout=120
        )
        if started.returncode:
            pytest.skip(f"Slurm does not start: {started.stderr.strip()}")
        yield Slurm(variables | {"SLURM_CONF": str(home / "slurm.conf")})
    finally:
        subprocess.run([SCRIPT, "down"], env=variables, check=False, timeout=120)
        shutil.rmtree(home, ignore_errors=True)


def _free_ports() -> int:
    """Return the first of some ports that are free."""
    for first in range(17900, 30000, 10):
        try:
            for port in range(first, first + 4):
                with socket.socket() as one:
                    one.bind(("", port))
        except OSError:
            continue
        return first
    pytest.skip("no port is free")


def steps(run: Path) -> list[int]:
    """Return the steps that a run has logged the loss of."""
    path = run / "metrics.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [row["step"] for row in rows if "train/loss" in row or "train/loss_step" in row]


def record(run: Path) -> dict[str, Any]:
    """Return a run's record."""
    found: dict[str, Any] = json.loads((run / "run.json").read_text())
    return found


def model(run: Path) -> bytes:
    """Return the weights of a run's model."""
    return (run / "bundle" / "model.safetensors").read_bytes()
