"""A job of two nodes that is requeued and preempted ends with the model of one that was not."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from .conftest import PROGRAM, SMALL, Slurm, model, record, steps

pytestmark = [pytest.mark.slurm, pytest.mark.xdist_group("slurm")]

PAGE = Path(__file__).parents[2] / "docs" / "cluster.md"
WORDS = (
    "encoder=lstm",
    "encoder.hidden_size=16",
    "frontend.size=16",
    *SMALL,
    "batch.workers=1",
)


def job(slurm: Slurm, folder: Path, *words: str) -> Path:
    """Write the script of a job of two nodes."""
    script = folder / "job.sh"
    command = (*PROGRAM, "cluster", "script", "--nodes", "2", "-o", script)
    slurm.call(*command, *WORDS, *words, "run_dir=run", cwd=folder)
    return script


def job_of_the_page(folder: Path, *words: str) -> Path:
    """Write the script of the page on clusters, for this cluster and for a small training."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(r"^```shell\n(#!/bin/bash\n.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert found
    command = shlex.join([*PROGRAM, "train", *WORDS, *words])
    script = found[1].replace("#SBATCH --gres=gpu:4\n", "")
    for old, new in (
        ("--ntasks-per-node=4", "--ntasks-per-node=1"),
        ("trainer.devices=4", "trainer.devices=1"),
        ("seqloom train encoder=lstm", command),
    ):
        assert script.count(old) == 1
        script = script.replace(old, new)
    path = folder / "job.sh"
    path.write_text(script)
    return path


def run_of(folder: Path) -> Path:
    """Return the folder of a job's run: the one it was told, or that of the page's script."""
    return next(folder.glob("runs/slurm-*/*"), folder / "run")


@pytest.fixture(scope="module")
def whole(
    program: Callable[..., CompletedProcess[str]], tmp_path_factory: pytest.TempPathFactory
) -> dict[int, Path]:
    """Return, by the number of epochs, runs on two devices that nobody disturbs."""
    made: dict[int, Path] = {}

    class Runs(dict[int, Path]):
        def __missing__(self, epochs: int) -> Path:
            run = tmp_path_factory.mktemp("whole") / "run"
            words = ("trainer.devices=2", f"trainer.max_epochs={epochs}", f"run_dir={run}")
            done = program("train", *WORDS, *words)
            assert done.returncode == 0, done.stderr
            self[epochs] = run
            return run

    return Runs(made)


def disturb(slurm: Slurm, number: str, how: str) -> None:
    if how == "requeue":
        slurm.call("scontrol", "requeue", number)
    else:
        slurm.call("scancel", "--signal=USR1", number)


def trained_further(folder: Path, before: int) -> bool:
    return max(steps(run_of(folder)), default=0) > before


def started_again(slurm: Slurm, number: str, restarts: int) -> bool:
    facts = slurm.facts(number)
    return facts["JobState"] == "RUNNING" and int(facts["Restarts"]) >= restarts


def check(slurm: Slurm, script: Path, whole: Path, disturbances: list[str]) -> None:
    """Disturb a job so often, each time when it has trained further, and compare its end."""
    number, folder = slurm.submit(script), script.parent
    for restarts, how in enumerate(disturbances, 1):
        before = max(steps(run_of(folder)), default=0)
        slurm.wait(number, partial(trained_further, folder, before))
        disturb(slurm, number, how)
        slurm.wait(number, partial(started_again, slurm, number, restarts))
    slurm.wait(number)
    said = (folder / f"slurm-{number}.out").read_text()
    assert slurm.state(number) == "COMPLETED", said
    run = run_of(folder)
    found = record(run)
    assert (found["state"], found["ranks"]) == ("done", 2)
    assert len(found["history"]) == len(disturbances) + 1, said
    assert {one["state"] for one in found["history"][:-1]} == {"preempted"}
    assert [one["restart"] for one in found["history"]] == list(range(len(disturbances) + 1))
    assert steps(run) == list(range(min(steps(run)), max(steps(run)) + 1))  # each once
    assert steps(run) == steps(whole)
    assert model(run) == model(whole)
    assert not list(folder.rglob("hpc*"))


def test_a_job_survives_a_signal(slurm: Slurm, tmp_path: Path, whole: dict[int, Path]) -> None:
    script = job(slurm, tmp_path, "trainer.max_epochs=3")
    check(slurm, script, whole[3], ["USR1"])  # upon which its script requeues it


@pytest.mark.slow
@pytest.mark.parametrize("how", ["requeue", "USR1"])
def test_a_job_survives_ten_in_a_row(
    slurm: Slurm, tmp_path: Path, whole: dict[int, Path], how: str
) -> None:
    """The script of the page, which names no folder and says nothing about resuming."""
    check(slurm, job_of_the_page(tmp_path, "trainer.max_epochs=12"), whole[12], [how] * 10)


@pytest.mark.slow
def test_a_job_that_is_cancelled_stays_so(slurm: Slurm, tmp_path: Path) -> None:
    number = slurm.submit(job(slurm, tmp_path, "trainer.max_epochs=500"))
    slurm.wait(number, lambda: bool(steps(tmp_path / "run")))
    slurm.call("scancel", number)
    slurm.wait(number)
    assert slurm.state(number) == "CANCELLED"
