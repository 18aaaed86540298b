"""A run leaves in good time before the end of its job."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from seqloom.config.compose import compose_run
from seqloom.config.interval import parse_limit
from seqloom.errors import ConfigError
from seqloom.train import deadline, preemption
from seqloom.train.deadline import END_VARIABLES, _ask, job_end, watched
from seqloom.train.preemption import Preempted

from .conftest import Fit


@pytest.fixture(autouse=True)
def _no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in END_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_the_earliest_end_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert job_end() is None
    monkeypatch.setenv("SLURM_JOB_END_TIME", "2000000000")
    assert job_end() == 2e9
    monkeypatch.setenv("SEQLOOM_JOB_END_TIME", "unknown")
    assert job_end() == 2e9
    monkeypatch.setenv("SEQLOOM_JOB_END_TIME", "1900000000.5")
    assert job_end() == 1900000000.5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("90", 90), ("1.5", 1.5), ("00:01:30", 90), ("1:00:00", 3600), ("2:01:00:00", 176400)),
        *(("90s", 90), ("10m", 600), ("1.5h", 5400)),  # as save_every takes them
    ],
)
def test_limits(text: str, expected: float) -> None:
    assert parse_limit("time_limit", text) == expected


@pytest.mark.parametrize(
    "text", ["", "0", "0h", "-5", "00:00:00", "5 min", "2d", "1:2", "1e9", "nan", "٣"]
)
def test_other_limits_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"time_limit=.*expected a time, such as 90s, 30m or"):
        parse_limit("time_limit", text)


def test_a_wrong_limit_is_told_before_anything_starts() -> None:
    with pytest.raises(ConfigError, match=r"^time_limit=10q: expected a time"):
        compose_run(["encoder=lstm", "time_limit=10q", "run_dir=x"])


def test_it_leaves_before_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(time.time() + 3)))

    def work() -> None:
        with preemption.handled(), watched("600"), preemption.at_once():
            time.sleep(30)

    with pytest.raises(Preempted, match="its time limit"):
        work()
    assert time.time() < int(job_end() or 0)  # a tenth of the time is left


@pytest.mark.parametrize("step", [-3600, 3600])
def test_a_clock_that_is_set_does_not_move_a_limit(
    monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    now, waits = time.time, list[float]()
    monkeypatch.setattr(deadline, "_ask", lambda over, wait: waits.append(wait))
    with preemption.handled():
        monkeypatch.setattr(time, "time", lambda: now() + step)
        with watched("1000"):
            pass
    assert waits == [pytest.approx(940, abs=5)]


def test_a_job_that_has_ended_by_our_clock_is_not_left_at_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    waits = list[float]()
    monkeypatch.setattr(deadline, "_ask", lambda over, wait: waits.append(wait))
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(time.time() - 3600)))
    with preemption.handled(), watched(None):
        pass
    assert not waits
    assert "in SLURM_JOB_END_TIME, passed 360" in caplog.text


def test_a_run_is_preempted_before_its_limit(fit: Fit, tmp_path: Path) -> None:
    with pytest.raises(Preempted):
        fit("trainer.max_epochs=100000", "callbacks=none", "time_limit=4")
    assert '"state": "preempted"' in (tmp_path / "run" / "run.json").read_text("utf-8")
    assert preemption.requested() is None


def test_a_run_that_ended_in_time_is_not_told() -> None:
    over = threading.Event()
    over.set()
    with preemption.handled():
        _ask(over, 600)
        assert preemption.requested() is None
