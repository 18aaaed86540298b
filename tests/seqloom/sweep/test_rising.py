"""When a row is said to have been trained for too short a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqloom.sweep.ledger import read_trials
from seqloom.sweep.rising import still_rising

from .conftest import AddTrial


@pytest.mark.parametrize(
    ("curves", "rose"),
    [
        ([[0.1, 0.2], [0.1, 0.2], [0.2, 0.1]], True),
        ([[0.1, 0.2], [0.2, 0.1]], False),
        ([[0.1, 0.3, 0.2]], False),
        ([[0.1, 0.3, 0.3]], False),
        ([[0.1, float("nan"), 0.2]], True),
        ([[0.1]], False),
        ([[]], False),
    ],
    ids=["most", "half", "fell again", "stood still", "with a NaN", "one epoch", "none"],
)
def test_the_last_epoch_of_most_trials(
    sweep: Path, add: AddTrial, curves: list[list[float]], rose: bool
) -> None:
    for seed, curve in enumerate(curves):
        add(val=0.5, seed=seed, curve=curve)
    assert bool(still_rising(read_trials(sweep), "f1", higher_is_better=True)) is rose


def test_what_is_to_fall_still_falls(sweep: Path, add: AddTrial) -> None:
    add(val=0.5, monitor="cer", curve=[0.5, 0.25])
    add(val=0.5, seed=2, state="pruned", curve=[0.25, 0.5])
    trials = read_trials(sweep)
    assert "val cer still fell" in still_rising(trials, "cer", higher_is_better=False)
    assert still_rising(trials, "cer", higher_is_better=True) == ""
