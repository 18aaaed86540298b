"""What a process learns of its job: its log files, and what Slurm says of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seqloom import slurm

BATCH = {"SLURM_JOB_ID": "7", "ENVIRONMENT": "BATCH"}


@pytest.fixture
def scontrol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program in the place of scontrol, which knows one job."""
    program = tmp_path / "scontrol"
    program.write_text(
        '#!/bin/sh\n[ "$*" = "--oneliner show job 7" ] || exit 1\n'
        "echo JobId=7 JobState=OUT_OF_MEMORY StdErr=/j/7.err StdIn=/dev/null StdOut=/j/7.out\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")


@pytest.mark.usefixtures("scontrol")
def test_a_batch_job_knows_its_log_files() -> None:
    assert slurm.log_files(BATCH) == {"stdout": "/j/7.out", "stderr": "/j/7.err"}
    assert slurm.log_files(BATCH | {"SLURM_JOB_ID": "8"}) == {}
    assert slurm.log_files({}) == {}
    assert slurm.facts_of("7")["JobState"] == "OUT_OF_MEMORY"


def test_a_job_of_submitit_knows_its_log_files(monkeypatch: pytest.MonkeyPatch) -> None:
    job = {
        "SUBMITIT_EXECUTOR": "slurm",
        "SUBMITIT_FOLDER": "/sweep/.submitit/%j",
        "SLURM_JOB_ID": "9",
        "SLURM_ARRAY_JOB_ID": "8",
        "SLURM_ARRAY_TASK_ID": "1",
        "SLURM_PROCID": "0",
    }
    for name, value in job.items():
        monkeypatch.setenv(name, value)
    found = slurm.log_files()
    assert found["stdout"] == "/sweep/.submitit/8_1/8_1_0_log.out"
    assert found["stderr"] == "/sweep/.submitit/8_1/8_1_0_log.err"


def test_a_child_of_a_job_of_submitit_has_no_log_files(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("SLURM_", "SUBMITIT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SUBMITIT_EXECUTOR", "slurm")
    monkeypatch.setenv("SUBMITIT_FOLDER", "/sweep/.submitit/%j")
    assert slurm.log_files() == {}


@pytest.mark.parametrize(
    ("state", "asked", "answer"),
    [
        ("RUNNING", True, True),
        ("PENDING", False, True),
        ("CANCELLED", False, False),
        ("", False, False),
    ],
)
def test_only_a_job_that_runs_is_requeued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, asked: bool, answer: bool
) -> None:
    for name, text in (("squeue", f"echo {state}"), ("scontrol", f'echo "$*" >{tmp_path}/asked')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    job = slurm.BatchJob.current(BATCH)
    assert job is not None
    assert slurm.requeue(job) == answer
    found = tmp_path / "asked"
    assert (found.read_text().strip() if found.exists() else None) == (
        "requeue 7" if asked else None
    )


def test_without_slurm_nothing_is_requeued(monkeypatch: pytest.MonkeyPatch) -> None:
    job = slurm.BatchJob.current(BATCH)
    assert job is not None
    monkeypatch.setenv("PATH", "")
    assert not slurm.requeue(job)
