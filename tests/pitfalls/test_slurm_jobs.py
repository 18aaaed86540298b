"""In a Slurm job Lightning follows the job: its checkpoints, its signals and its port.

``hpc_ckpt_1.ckpt`` in the current folder is taken up without a word, whoever wrote it. A handler of
SIGUSR1 saves and requeues, beside that of whoever submitted the job. And ranks meet at a port that
is made of the job's number, so two trials of one job meet at the same. Our runs keep to their own
folder, leave signals to the user, and take a port that is free.
"""

from __future__ import annotations

import shutil
import signal
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import seqloom

from .conftest import WITNESS, Ended, record


def test_naively_a_foreign_checkpoint_is_taken_up(naive_runs: dict[str, Any]) -> None:
    assert naive_runs["weight"] == 1.0  # that of the job before; its own begins at 9


def test_naively_training_takes_a_signal(naive_runs: dict[str, Any]) -> None:
    assert naive_runs["handler"].startswith("pytorch_lightning")


def test_naively_two_trials_meet_at_one_port(naive_runs: dict[str, Any]) -> None:
    first, second = naive_runs["ports"]
    assert first == second


@pytest.fixture
def in_a_job(
    slurm: dict[str, str], parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Be in a job that was started in a folder of its own."""
    for name, value in slurm.items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(parts))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_foreign_checkpoint_is_none_of_ours(in_a_job: Path, small: tuple[str, ...]) -> None:
    clean = seqloom.fit(*small, "seed=5", run_dir=in_a_job / "clean")
    other = seqloom.fit(*small, "seed=6", run_dir=in_a_job / "other")
    shutil.copy(other.run_dir / "checkpoints" / "last.ckpt", in_a_job / "hpc_ckpt_1.ckpt")
    result = seqloom.fit(*small, "seed=5", run_dir=in_a_job / "run")
    assert other.metrics["val"]["loss"] != clean.metrics["val"]["loss"]
    assert result.metrics == clean.metrics
    assert record(result.run_dir)["steps"] == record(clean.run_dir)["steps"]
    assert not list(in_a_job.rglob("run/**/hpc*"))


def test_signals_are_left_to_whoever_handles_them(in_a_job: Path, small: tuple[str, ...]) -> None:
    def mine(number: int, frame: FrameType | None) -> None:
        """Handle a signal."""

    kept = {number: signal.signal(number, mine) for number in (signal.SIGUSR1, signal.SIGUSR2)}
    try:
        seqloom.fit(*small, WITNESS, run_dir=in_a_job / "run")
        assert all(signal.getsignal(number) is mine for number in kept)
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
    (seen,) = Ended(in_a_job / "run", 0, "").seen()
    assert seen["handlers"] == [str(mine)] * 2


@pytest.mark.slow
def test_two_trials_at_once_take_a_port_each(search: Ended) -> None:
    assert search.code == 0, search.said
    assert [trial["state"] for trial in search.trials()] == ["done", "done"]
    ports = [[rank["port"] for rank in search.seen(number)] for number in (0, 1)]
    assert all(len(set(ours)) == 1 for ours in ports)
    assert ports[0] != ports[1]
    # Our own handlers end a trial with a checkpoint; Lightning sets none of its own.
    assert all("_notice" in handler for handler in search.seen(0)[0]["handlers"])
