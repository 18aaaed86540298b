"""Trials that follow one another in a process must not feel one another.

Lightning's launcher leaves ``LOCAL_RANK`` and ``MASTER_PORT`` in the environment: the next trial
takes itself for one that others have launched, and the ranks of the first one run it as well. And
services that keep what is logged go on with a process's run until it is ended. We launch ranks in
an environment that is put back, and end what each trial's loggers have open.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .conftest import Ended, record


def test_naively_a_trial_on_one_device_is_run_twice(naive_sweep: Path) -> None:
    found = [json.loads(path.read_text()) for path in naive_sweep.glob("1-*.json")]
    assert len(found) == 2
    assert [one["rank"] for one in found] == [0, 0]
    assert all(one["leaked"] == ["LOCAL_RANK", "MASTER_PORT"] for one in found)


def test_a_trial_on_one_device_follows_one_on_two_ranks(sweep: Ended) -> None:
    assert [len(sweep.seen(number)) for number in (0, 2, 3)] == [2, 1, 1]
    assert [record(sweep.folder / str(number))["ranks"] for number in (0, 2)] == [2, 1]
    assert sweep.seen(2)[0]["port"] is None


def test_naively_a_service_takes_two_runs_for_one(naive_runs: dict[str, Any]) -> None:
    assert naive_runs["logs"] == ["first"]


def test_each_trial_ends_its_own_run(sweep: Ended) -> None:
    logs = {path.name: path for path in (sweep.folder.parent / "logs").iterdir()}
    assert sorted(logs) == ["1-1", "1-2", "2-1", "2-2"]
    for number, name in ((0, "2-1"), (2, "1-1"), (3, "1-2")):
        rows = [json.loads(line) for line in logs[name].read_text().splitlines()]
        losses = [row for row in rows if "train/loss" in row]
        assert len(losses) == record(sweep.folder / str(number))["steps"]
