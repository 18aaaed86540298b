"""Trials that were evaluated on different data are not ranked together."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from seqloom.sweep.comparable import UNLIKE
from seqloom.sweep.leaderboard import best_trial, boards
from seqloom.sweep.show import csv_text, finish, json_text
from seqloom.sweep.trials import read_trials

from .conftest import AddTrial


def on(val: str, test: str = "t") -> dict[str, Any]:
    """Return what a record says of the data."""
    return {"splits": {"val": {"values": val}, "test": {"values": test}}}


def two_files(add: AddTrial) -> None:
    for number, file in enumerate("ab"):
        for encoder, value in (("rnn", 0.5), ("lstm", 0.6)):
            for seed in (1, 2, 3):
                score = value + number / 5 + seed / (70 if encoder == "rnn" else 90)
                words = (f"data.train={file}.csv", f"encoder={encoder}")
                add(*words, val=score, test=score, seed=seed, **on(file, file))


def test_each_data_has_its_table(sweep: Path, add: AddTrial) -> None:
    two_files(add)
    trials = read_trials(sweep)
    made = boards(trials)
    assert [len(board.rows) for board in made] == [2, 2]
    for board, file in zip(made, "ab", strict=True):
        assert board.keys == ["data.train", "encoder"]
        assert {row.group.values["data.train"] for row in board.rows} == {f"{file}.csv"}
        assert board.rows[0].group.values["encoder"] == "lstm"
        assert (board.rows[1].p or 1) < 0.05  # of the table's own best row
        assert UNLIKE in board.notes
    assert best_trial(trials) is None
    rows = list(csv.DictReader(io.StringIO(csv_text(made))))
    assert [row["data"] for row in rows] == ["a/a", "a/a", "b/b", "b/b"]
    assert [board["data"] for board in json.loads(json_text(made))] == ["a/a", "b/b"]


def test_rows_that_pool_the_same_data_are_compared(sweep: Path, add: AddTrial) -> None:
    two_files(add)
    (board,) = boards(read_trials(sweep), by=["encoder"])
    assert [row.group.values["encoder"] for row in board.rows] == ["lstm", "rnn"]
    assert board.tested_on == "test"
    assert not board.data


def test_another_test_set_is_enough(sweep: Path, add: AddTrial) -> None:
    add("data.test=a.csv", val=0.5, test=0.5, **on("v", "a"))
    add("data.test=b.csv", val=0.5, test=0.6, **on("v", "b"))
    add("data.test=c.csv", state="failed")
    made = boards(read_trials(sweep))
    assert [len(board.rows) for board in made] == [2, 1]  # the failed one is with the first


def test_a_best_row_is_said_to_be_that_of_its_table(
    sweep: Path, add: AddTrial, capsys: pytest.CaptureFixture[str]
) -> None:
    add("data.test=a.csv", val=0.5, test=0.5, **on("v", "a"))
    add("data.test=b.csv", val=0.5, test=0.6, **on("v", "b"))
    finish(sweep)
    out, err = capsys.readouterr()
    assert out.count(" best ") == 2
    assert "one table for each data set; its best row is the best of that table only." in err


def test_records_without_digests_are_ranked_as_before(sweep: Path, add: AddTrial) -> None:
    add("encoder=rnn", val=0.5)
    add("encoder=lstm", val=0.6, splits="damaged")
    add("encoder=gru", val=0.7, **on("v"))
    (board,) = boards(read_trials(sweep))
    assert len(board.rows) == 3
    assert best_trial(read_trials(sweep)) is not None
