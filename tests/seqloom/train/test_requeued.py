"""A batch job that is started again resumes in the folder that it wrote, without being told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from seqloom.config import run_name
from seqloom.errors import RunError
from seqloom.slurm import BatchJob
from seqloom.train.stored_record import read_record, write_record

from .conftest import Fit

JOB = {"SLURM_JOB_ID": "4711", "ENVIRONMENT": "BATCH", "SLURM_CLUSTER_NAME": "big"}


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be in a batch job."""
    for name, value in JOB.items():
        monkeypatch.setenv(name, value)


def as_written_by(folder: Path, job: str | None) -> None:
    """Say in a run's record which job wrote it, and that it has not ended."""
    path = folder / "run.json"
    write_record(path, read_record(path) | {"state": "running", "job": job})


def test_a_job_is_known_by_its_cluster_and_number() -> None:
    assert BatchJob.current(JOB) == BatchJob("4711@big", 0)
    assert BatchJob.current(JOB | {"SLURM_RESTART_COUNT": "3"}) == BatchJob("4711@big", 3)
    array = {"SLURM_ARRAY_JOB_ID": "4700", "SLURM_ARRAY_TASK_ID": "11"}
    found = BatchJob.current(JOB | array)
    assert found is not None
    assert (found.name, found.number) == ("4700_11@big", "4700_11")


@pytest.mark.parametrize("lacks", sorted(JOB.keys() - {"SLURM_CLUSTER_NAME"}))
def test_an_interactive_session_is_no_batch_job(lacks: str) -> None:
    assert BatchJob.current({**JOB, lacks: ""}) is None


@pytest.mark.usefixtures("job")
def test_the_same_job_resumes(fit: Fit, ran: Path) -> None:
    as_written_by(ran, "4711@big")
    result = fit("trainer.max_epochs=2")
    record = json.loads((result.run_dir / "run.json").read_text())
    assert record["epochs"] == 2
    assert [one.get("job") for one in record["history"]] == [None, "4711@big"]


@pytest.mark.usefixtures("job")
@pytest.mark.parametrize("other", [None, "4711@small", "4712@big"])
def test_another_job_does_not(fit: Fit, ran: Path, other: str | None) -> None:
    as_written_by(ran, other)
    with pytest.raises(RunError, match="already holds a run"):
        fit("trainer.max_epochs=2")


@pytest.mark.usefixtures("job")
def test_the_user_s_word_counts(fit: Fit, ran: Path) -> None:
    as_written_by(ran, "4711@big")
    with pytest.raises(RunError, match="already holds a run"):
        fit("trainer.max_epochs=2", "resume=never")


def test_a_folder_whose_record_was_not_written_yet_starts_anew(fit: Fit, ran: Path) -> None:
    (ran / "run.json").unlink()
    (ran / "checkpoints" / "last.ckpt").unlink()
    assert fit("trainer.max_epochs=1").metrics
    assert yaml.safe_load((ran / "config.yaml").read_text())["trainer"]["max_epochs"] == 1


def test_the_default_folder_is_that_of_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_name.run_name().count("-") == 4
    for name, value in JOB.items():
        monkeypatch.setenv(name, value)
    names = []
    for words in (["encoder=lstm"], ["encoder=gru"], ["encoder=lstm"]):
        monkeypatch.setattr("sys.argv", ["seqloom train", *words])
        names.append(run_name.run_name())
    assert names[0] == names[2] != names[1]
    assert names[0].startswith("slurm-4711/")
