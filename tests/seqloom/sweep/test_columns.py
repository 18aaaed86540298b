"""The columns of a leaderboard: how rows are sorted and values shortened."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqloom.errors import ConfigError
from seqloom.sweep.board import Board
from seqloom.sweep.columns import shortened, sort, top
from seqloom.sweep.leaderboard import boards
from seqloom.sweep.trials import read_trials

from .conftest import AddTrial

TEST = {"rnn": (0.60, 0.64, 0.62), "lstm": (0.70, 0.71, 0.75), "gru": (0.69, 0.73, 0.74)}


@pytest.fixture
def three(sweep: Path, add: AddTrial) -> Path:
    """Three encoders by three seeds, the lstm best on validation."""
    for encoder, values in TEST.items():
        for seed, value in enumerate(values, 1):
            val = value + (0.1 if encoder == "lstm" else 0.05)
            add(f"encoder={encoder}", val=val, test=value, seed=seed)
    return sweep


def names(board: Board) -> list[str]:
    return [row.group.values.get("encoder", "all") for row in board.rows]


def test_rows_can_be_sorted_by_keys_and_columns(three: Path) -> None:
    made = boards(read_trials(three))
    sort(made, "encoder")
    assert names(made[0]) == ["gru", "lstm", "rnn"]
    sort(made, "p")
    assert names(made[0])[0] == "lstm"
    sort(made, "test")
    assert names(made[0])[2] == "rnn"
    with pytest.raises(ConfigError, match=r"--sort encodr: no such column\. Did you mean"):
        sort(made, "encodr")


def test_numbers_are_sorted_by_size(sweep: Path, add: AddTrial) -> None:
    for size in (16, 128, 8):
        add(f"encoder.hidden_size={size}", val=0.5)
    add("encoder=none", val=0.5)
    made = boards(read_trials(sweep))
    sort(made, "encoder.hidden_size")
    sizes = [row.group.values["encoder.hidden_size"] for row in made[0].rows]
    assert sizes == ["8", "16", "128", "–"]


@pytest.mark.parametrize("column", ["speed", "n", "time", "epochs"])
def test_rows_that_lack_a_value_come_last(sweep: Path, add: AddTrial, column: str) -> None:
    add("encoder=a", state="failed")
    add("encoder=b", val=0.5, training_seconds=9.0, cost_per_second=10)
    for seed in (1, 2):
        add("encoder=c", val=0.4, seed=seed, training_seconds=1.0, cost_per_second=20)
    made = boards(read_trials(sweep))
    sort(made, column)
    assert names(made[0])[-1] == "a"
    assert column == "epochs" or names(made[0]) == ["c", "b", "a"]


def test_the_first_rows_alone(three: Path) -> None:
    made = boards(read_trials(three))
    top(made, 3)
    assert not made[0].notes
    top(made, 2)
    assert names(made[0]) == ["lstm", "gru"]
    assert made[0].notes == ["1 of 3 rows is not shown (--top 2)."]
    with pytest.raises(ConfigError, match="--top 0"):
        top(made, 0)


def test_values_that_differ_in_the_middle_alone_stay_whole() -> None:
    values = [f"{'a' * 20}{middle}{'b' * 20}" for middle in "xy"]
    assert shortened(values) == values
