"""How far a sweep has come, in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seqloom.sweep.ledger import read_trials
from seqloom.sweep.standing import standing
from seqloom.train.lease import Lease

from .conftest import AddTrial


@pytest.mark.parametrize(
    ("expected", "words"),
    [(5, "1 done, 1 failed, 3 not begun of 5"), (0, "1 done, 1 failed of 2")],
)
def test_what_was_never_begun_is_counted(
    sweep: Path, add: AddTrial, expected: int, words: str
) -> None:
    add(val=0.5)
    add(state="failed")
    (sweep / "sweep.json").write_text(json.dumps({"expected": expected}), encoding="utf-8")
    assert standing(sweep, read_trials(sweep)) == words


def test_who_leads_a_sweep_will_begin_them(sweep: Path, add: AddTrial) -> None:
    add(val=0.5)
    plan = {"expected": 3, "trials": [{"number": 1, "overrides": []}]}
    (sweep / "sweep.json").write_text(json.dumps(plan), encoding="utf-8")
    assert standing(sweep, read_trials(sweep)) == "1 done, 2 not begun of 3"
    with Lease(sweep):
        assert standing(sweep, read_trials(sweep)) == "1 done, 2 waiting of 3"


def test_an_empty_sweep(tmp_path: Path) -> None:
    assert standing(tmp_path, []) == "No trials yet"
