"""After which steps a checkpoint is due."""

from __future__ import annotations

import pytest

from seqloom.config.interval import Interval
from seqloom.train.checkpoints import callbacks
from seqloom.train.checkpoints.callbacks import Saving


def test_a_number_of_steps_counts_from_the_start_of_the_run() -> None:
    due = Saving(Interval(steps=3))
    assert [step for step in range(1, 10) if due.is_due(step)] == [3, 6, 9]


def test_a_time_is_met_within_a_step_without_looking_after_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, looked = [0.0], []

    def monotonic() -> float:
        looked.append(clock[0])
        return clock[0]

    monkeypatch.setattr(callbacks.time, "monotonic", monotonic)
    due = Saving(Interval(seconds=10))
    due.start(0)
    found = []
    for step in range(1, 311):
        clock[0] += 0.1  # 100 steps in the time of the interval
        if due.is_due(step):
            found.append(step)
    assert [round(step / 100) for step in found] == [1, 2, 3]
    assert all(abs(step % 100) <= 1 or step % 100 == 99 for step in found)
    assert len(looked) < 60
