"""What a process learns of its job: its log files, and what Slurm says of it."""

from __future__ import annotations

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
