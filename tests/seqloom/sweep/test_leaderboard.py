"""What a leaderboard says of records whose numbers are known."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import pytest
from scipy.stats import ttest_rel

from seqloom.errors import ConfigError
from seqloom.extras import install_command
from seqloom.sweep.board import Board
from seqloom.sweep.columns import cells
from seqloom.sweep.leaderboard import (
    NO_TEST,
    SAMPLED,
    best_trial,
    boards,
    convergence_note,
)
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


def only(folder: Path, **options: object) -> Board:
    (board,) = boards(read_trials(folder), **options)  # type: ignore[arg-type]
    return board


def names(board: Board) -> list[str]:
    return [row.group.values.get("encoder", "all") for row in board.rows]


def test_means_errors_and_ranges_over_seeds(three: Path) -> None:
    board = only(three)
    assert (board.metric, board.keys, names(board)) == ("f1", ["encoder"], ["lstm", "gru", "rnn"])
    found = board.rows[2].test
    assert found is not None
    assert (found.n, found.low, found.high) == (3, 0.60, 0.64)
    assert found.mean == pytest.approx(0.62)
    assert found.error == pytest.approx(0.02 / math.sqrt(3))


def test_p_is_of_the_best_on_the_test_split_corrected_by_holm(three: Path) -> None:
    board = only(three)
    raw = {name: ttest_rel(TEST["lstm"], TEST[name]).pvalue for name in ("gru", "rnn")}
    assert raw["rnn"] < raw["gru"]
    assert board.tested_on == "test"
    assert [row.best for row in board.rows] == [True, False, False]
    assert board.rows[0].p is None
    assert board.rows[1].p == pytest.approx(max(raw["gru"], 2 * raw["rnn"]))
    assert board.rows[2].p == pytest.approx(2 * raw["rnn"])


def test_simple_models_stand_beside_the_best_row(sweep: Path, add: AddTrial) -> None:
    words = {"val": {"f1": 0.75}, "test": {"f1": 0.5}}
    for encoder, val in (("rnn", 0.5), ("lstm", 0.7)):
        for seed in (1, 2):
            own = {"majority class": {"val": {"f1": 0.1 * seed}}, "words": words}
            add(f"encoder={encoder}", val=val, test=0.6, seed=seed, baselines=own)
    assert only(sweep).notes[-1] == (
        "Simple models, f1: majority class val 0.1500; words val 0.7500, test 0.5000. On val, the "
        "best row is not better than words."
    )
    add("encoder=gru", val=0.8, test=0.6, seed=1, baselines={"words": words, "odd": 3})
    notes = only(sweep).notes
    assert any(note == "Simple models, f1: words val 0.7500, test 0.5000." for note in notes)


def test_without_a_test_split_p_is_of_validation(sweep: Path, add: AddTrial) -> None:
    for seed in (1, 2):
        add("encoder=rnn", val=0.5 + seed / 50, seed=seed)
        add("encoder=lstm", val=0.7 + seed / 10, seed=seed)
    board = only(sweep)
    assert board.tested_on == "val"
    assert board.rows[1].p == pytest.approx(ttest_rel([0.8, 0.9], [0.52, 0.54]).pvalue)


def test_one_seed_has_neither_an_error_nor_a_test(sweep: Path, add: AddTrial) -> None:
    add("encoder=rnn", val=0.5)
    add("encoder=lstm", val=0.7)
    board = only(sweep)
    assert [row.val and row.val.error for row in board.rows] == [None, None]
    assert (board.tested_on, board.rows[1].p, board.notes) == ("", None, [NO_TEST])


def test_one_seed_has_the_sampling_error_of_its_split(sweep: Path, add: AddTrial) -> None:
    add("encoder=rnn", val=0.5)
    add("encoder=lstm", val=0.7)
    path = sweep / "1" / "run.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record["sampling_errors"] = {"val": {record["monitor"]: 0.025}}
    path.write_text(json.dumps(record), encoding="utf-8")
    board = only(sweep)
    assert board.notes == [NO_TEST, SAMPLED]
    assert "seed=1,2,3" in NO_TEST
    names, rows = cells(board)
    place = next(i for i, name in enumerate(names) if name.startswith("val"))
    assert [row[place] for row in rows] == ["0.7000 ± 0.0250*", "0.5000"]


def test_without_scipy_a_note_says_how_to_get_it(
    three: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    board = only(three)
    assert [row.p for row in board.rows] == [None, None, None]
    assert board.notes == [f"Significance tests need SciPy: {install_command('sweep')}"]


def test_lower_may_be_better(sweep: Path, add: AddTrial) -> None:
    add("encoder=rnn", val=0.5, monitor="cer", higher=False)
    add("encoder=lstm", val=0.1, monitor="cer", higher=False)
    assert names(only(sweep)) == ["lstm", "rnn"]


def test_trials_that_are_not_done_are_counted_and_not_measured(sweep: Path, add: AddTrial) -> None:
    add("encoder=rnn", val=0.5)
    add("encoder=rnn", val=0.9, seed=2, state="pruned")
    add("encoder=lstm", state="failed")
    add("encoder=gru", state="interrupted")
    board = only(sweep)
    assert names(board) == ["rnn", "lstm", "gru"]
    assert board.rows[0].counts == {"done": 1, "pruned": 1}
    assert board.rows[0].val is not None
    assert board.rows[0].val.mean == 0.5
    assert board.rows[1].val is None


def test_no_trial_need_be_done(sweep: Path, add: AddTrial) -> None:
    add("encoder=rnn", state="failed")
    board = only(sweep)
    assert (board.metric, board.best, len(board.rows)) == ("", None, 1)


def test_each_metric_has_a_table_of_its_own(sweep: Path, add: AddTrial) -> None:
    add("head=ner", val=0.5)
    add("head=ner", seed=2, state="failed")
    add("head=classification", "encoder=rnn", val=0.9, monitor="accuracy")
    add("head=classification", "encoder=gru", val=0.8, monitor="accuracy")
    f1, accuracy = boards(read_trials(sweep))
    assert (f1.metric, f1.rows[0].counts) == ("f1", {"done": 1, "failed": 1})
    assert (accuracy.metric, accuracy.keys) == ("accuracy", ["encoder"])
    assert names(accuracy) == ["rnn", "gru"]


def test_another_metric_than_the_monitored(three: Path) -> None:
    board = only(three, metric="loss")
    assert names(board) == ["lstm", "gru", "rnn"]  # lower is better
    assert board.notes == []
    assert names(only(three, metric="val/loss")) == names(board)
    with pytest.raises(ConfigError, match=r"has the metric 'los'\. Did you mean 'loss'\?"):
        only(three, metric="los")


def test_the_direction_of_a_metric_is_that_of_its_head(sweep: Path, add: AddTrial) -> None:
    for value, gap in ((0.5, 0.3), (0.6, 0.1)):
        metrics = {"val": {"f1": value, "gap": gap}}
        add(f"encoder={gap}", val=value, metrics=metrics, modes={"f1": "max", "gap": "min"})
    board = only(sweep, metric="gap")
    assert not board.higher_is_better
    assert names(board) == ["0.1", "0.3"]
    assert not [note for note in board.notes if "assumed" in note]


def test_runs_without_recorded_directions_are_guessed_aloud(sweep: Path, add: AddTrial) -> None:
    add(val=0.5, metrics={"val": {"f1": 0.5, "cer": 0.3}})
    (note,) = only(sweep, metric="cer").notes
    assert note.startswith("No trial says whether higher values of cer are better: lower values")


def test_parameters_time_and_speed_are_means_of_the_done(sweep: Path, add: AddTrial) -> None:
    add(val=0.5, parameters=100, training_seconds=1.0, cost_per_second=None)
    add(val=0.5, seed=2, parameters=300, training_seconds=2.0, cost_per_second=70)
    (row,) = only(sweep).rows
    assert (row.parameters, row.seconds, row.speed) == (200, 1.5, 70)


def test_the_lead_is_positive_where_the_best_is_better_also_if_lower_is(
    sweep: Path, add: AddTrial
) -> None:
    for encoder, val, test in (("rnn", 0.1, 0.5), ("lstm", 0.2, 0.75), ("gru", 0.3, 0.25)):
        add(f"encoder={encoder}", val=val, test=test, monitor="cer", higher=False)
    assert [row.lead for row in only(sweep).rows] == [None, 0.25, -0.25]


def test_the_best_trial_is_of_the_best_row(sweep: Path, add: AddTrial) -> None:
    for encoder, values in {"rnn": (0.9, 0.1), "lstm": (0.6, 0.8, 0.8)}.items():
        for seed, value in enumerate(values):
            add(f"encoder={encoder}", val=value, seed=seed)
    trials = read_trials(sweep)
    best = only(sweep).best
    assert best is not None
    assert best.group.values == {"encoder": "lstm"}
    found = best_trial(trials)
    assert found is not None
    assert found.number == 3
    add("head=classification", val=1.0, monitor="accuracy")
    assert best_trial(read_trials(sweep)) is None
    assert best_trial([]) is None


def test_the_best_trial_where_lower_is_better(sweep: Path, add: AddTrial) -> None:
    for encoder, values in {"rnn": (0.3, 0.2), "lstm": (0.1, 0.9)}.items():
        for seed, value in enumerate(values):
            add(f"encoder={encoder}", val=value, seed=seed, monitor="cer", higher=False)
    found = best_trial(read_trials(sweep))
    assert found is not None
    assert found.number == 1


def test_no_row_is_the_best_where_none_is_to_be(three: Path) -> None:
    board = only(three, compared=False)
    assert (board.best, board.tested_on) == (None, "")
    assert names(board) == ["lstm", "gru", "rnn"]


def test_a_best_row_that_still_rose_is_told(sweep: Path, add: AddTrial) -> None:
    add("encoder=rnn", val=0.75, curve=[0.25, 0.5, 0.75])
    assert only(sweep).notes == [
        "The best row's val f1 still rose in its last epoch: train for more epochs before you "
        "choose."
    ]


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
    assert bool(convergence_note(read_trials(sweep), "f1", higher_is_better=True)) is rose


def test_what_is_to_fall_still_falls(sweep: Path, add: AddTrial) -> None:
    add(val=0.5, monitor="cer", curve=[0.5, 0.25])
    add(val=0.5, seed=2, state="pruned", curve=[0.25, 0.5])
    trials = read_trials(sweep)
    assert "val cer still fell" in convergence_note(trials, "cer", higher_is_better=False)
    assert convergence_note(trials, "cer", higher_is_better=True) == ""
