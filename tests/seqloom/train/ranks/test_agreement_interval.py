"""Ranks ask one another soon after the start, however slow their steps are."""

from __future__ import annotations

from typing import Any

import pytest

from seqloom.train.ranks import agreement
from seqloom.train.ranks.agreement import MAX_STEPS, Agreement


def test_the_interval_is_not_taken_from_the_moment_before_the_first_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr(agreement, "world_size", lambda: 2)
    monkeypatch.setattr(agreement.distributed, "get_backend", lambda: "gloo")
    monkeypatch.setattr(agreement.distributed, "all_reduce", lambda *_: None)
    monkeypatch.setattr(agreement.time, "monotonic", lambda: now)
    found = Agreement()
    trainer: Any = None
    found.on_train_start(trainer, trainer)
    for _ in range(20):  # steps of 0.15 s
        now += 0.15
        found.on_step_end(trainer)
        assert found._waiting <= 2
    for _ in range(20 * MAX_STEPS):  # and of no time at all
        found.on_step_end(trainer)
    assert found._waiting <= MAX_STEPS
    assert found._calls == MAX_STEPS
