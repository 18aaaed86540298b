"""The trials of a sweep as jobs: some are preempted or killed, and the launcher too."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from .conftest import PATIENCE, PROGRAM, SMALL, Slurm, steps

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.xdist_group("slurm")]

WORDS = (
    "hydra/launcher=slurm",
    "hydra.launcher.timeout_min=60",
    "encoder=lstm",
    "encoder.hidden_size=8",
    "frontend.size=8",
    *SMALL,
)


def records(sweep: Path) -> dict[int, dict[str, Any]]:
    """Return the records of the trials that have one."""
    found = {}
    for path in sweep.glob("*/run.json"):
        try:
            found[int(path.parent.name)] = json.loads(path.read_text())
        except ValueError:
            continue
    return found


def running(sweep: Path, but: set[int]) -> list[int]:
    """Return trials that are in training."""
    return [
        number
        for number, record in sorted(records(sweep).items())
        if record["state"] == "running" and number not in but and steps(sweep / str(number))
    ]


def job_of(sweep: Path, number: int) -> str:
    name: str = records(sweep)[number]["history"][-1]["job"]
    return name.partition("@")[0]


def start(slurm: Slurm, folder: Path, *words: str) -> subprocess.Popen[bytes]:
    """Start a sweep whose output goes to a file."""
    with (folder / "said").open("wb") as said:
        command = [*PROGRAM, "train", "-m", *WORDS, *words, "run_dir=sweep"]
        return subprocess.Popen(
            command, cwd=folder, env=slurm.variables, stdout=said, stderr=subprocess.STDOUT
        )


def disturb(slurm: Slurm, sweep: Path, ways: list[tuple[str, ...]]) -> list[int]:
    """Disturb one trial after another, each in another way; return their numbers."""
    done: list[int] = []
    end = time.monotonic() + PATIENCE
    while len(done) < len(ways):
        assert time.monotonic() < end, (sweep.parent / "said").read_text()
        for number in running(sweep, set(done))[:1]:
            slurm.call(*ways[len(done)], job_of(sweep, number))
            done.append(number)
        time.sleep(0.2)
    return done


def test_a_preempted_trial_is_requeued_and_resumes(slurm: Slurm, tmp_path: Path) -> None:
    sweep = tmp_path / "sweep"
    launcher = start(slurm, tmp_path, "seed=1,2", "trainer.max_epochs=20")
    ways: list[tuple[str, ...]] = [("scancel", "--signal=USR2"), ("scontrol", "requeue")]
    disturbed = disturb(slurm, sweep, ways)
    assert launcher.wait(PATIENCE) == 0, (tmp_path / "said").read_text()
    for number in disturbed:
        record = records(sweep)[number]
        assert [one["state"] for one in record["history"]] == ["preempted", "done"]
        assert [one["restart"] for one in record["history"]] == [0, 1]
        assert steps(sweep / str(number)) == list(range(max(steps(sweep / str(number))) + 1))


def test_twelve_trials_of_which_three_and_the_launcher_are_killed(
    slurm: Slurm, tmp_path: Path
) -> None:
    sweep = tmp_path / "sweep"
    launcher = start(slurm, tmp_path, "seed=range(0,12)", "trainer.max_epochs=6")
    disturb(slurm, sweep, [("scancel", "--signal=KILL")] * 3)
    launcher.kill()
    launcher.wait()
    said = slurm.call(*PROGRAM, "sweep", "resume", "sweep", cwd=tmp_path, check=False)
    for _ in range(3):  # trials that were still running are left to their jobs
        if all(one["state"] == "done" for one in records(sweep).values()):
            break
        said += slurm.call(*PROGRAM, "sweep", "resume", "sweep", cwd=tmp_path, check=False)
    found = records(sweep)
    assert len(found) == 12, said
    assert {one["state"] for one in found.values()} == {"done"}, said


def test_a_trial_on_two_nodes(slurm: Slurm, tmp_path: Path) -> None:
    more = ("hydra.launcher.nodes=2", "trainer.num_nodes=2", "trainer.max_epochs=2")
    launcher = start(slurm, tmp_path, "seed=1,2", *more)
    assert launcher.wait(PATIENCE) == 0, (tmp_path / "said").read_text()
    assert [one["ranks"] for one in records(tmp_path / "sweep").values()] == [2, 2]
