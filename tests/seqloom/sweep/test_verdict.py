"""The verdict in words: a clear winner only where the leads are more than chance."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from seqloom.sweep import leaderboard
from seqloom.sweep.leaderboard import boards
from seqloom.sweep.show import show
from seqloom.sweep.trials import read_trials
from seqloom.sweep.verdict import _error

from .conftest import AddTrial


def verdict(folder: Path) -> str:
    return boards(read_trials(folder))[0].verdict


def add_seeds(add: AddTrial, encoder: str, val: tuple[float, ...], test: tuple[float, ...]) -> None:
    for seed, (one, other) in enumerate(zip(val, test, strict=True), 1):
        add(f"encoder={encoder}", val=one, test=other, seed=seed)


def test_a_lead_that_no_chance_explains(sweep: Path, add: AddTrial) -> None:
    add_seeds(add, "bilstm", (0.9, 0.9, 0.9), (0.90, 0.91, 0.92))
    add_seeds(add, "rnn", (0.7, 0.7, 0.7), (0.70, 0.715, 0.72))
    add_seeds(add, "lstm", (0.8, 0.8, 0.8), (0.80, 0.815, 0.82))
    assert verdict(sweep) == (
        "Clear winner: bilstm leads lstm and all others by 0.0983 or more on test (p ≤ 0.00029, "
        "n = 3)."
    )


def test_noise_is_no_winner_and_more_seeds_are_next(sweep: Path, add: AddTrial) -> None:
    add_seeds(add, "rnn", (0.71, 0.73), (0.70, 0.74))
    add_seeds(add, "bilstm", (0.70, 0.71), (0.695, 0.719))
    assert verdict(sweep) == (
        "No clear winner: rnn leads bilstm by 0.013 on test, within noise (p = 0.35, n = 2). "
        "Next: seed=1,2,3,4,5."
    )


@pytest.mark.parametrize("seeds", [1, 2])
def test_where_nothing_was_learned_more_epochs_are_next_and_not_more_seeds(
    sweep: Path, add: AddTrial, seeds: int
) -> None:
    for encoder in ("rnn", "lstm", "bilstm"):
        add_seeds(add, encoder, (0.0,) * seeds, (0.0,) * seeds)
    said = "No winner: f1 is 0 in every row, so no model has learned anything yet. "
    assert verdict(sweep) == said + "Next: train for more epochs."
    add("encoder=gru", state="failed")
    assert verdict(sweep).endswith("Next: train for more epochs. 1 trial is not done.")


def test_errors_of_0_in_every_row_are_not_called_nothing_learned(
    sweep: Path, add: AddTrial
) -> None:
    for encoder in ("rnn", "lstm"):
        add(f"encoder={encoder}", val=0.0, test=0.0, monitor="cer", higher=False)
    assert verdict(sweep).startswith("No clear winner: rnn and lstm are equal on test")


def test_with_enough_seeds_cost_decides(sweep: Path, add: AddTrial) -> None:
    for seed in range(1, 6):
        add("encoder=rnn", val=0.7 + seed % 2 / 50, test=0.7, seed=seed, training_seconds=1.0)
        add("encoder=lstm", val=0.72, test=0.7, seed=seed, training_seconds=3.0)
    assert verdict(sweep) == (
        "No clear winner: lstm and rnn are equal on test (n = 5). "
        "Next: choose by cost; rnn trains fastest."
    )


def test_rows_without_times_are_chosen_by_cost(sweep: Path, add: AddTrial) -> None:
    for seed in range(1, 6):
        for encoder in ("rnn", "lstm"):
            add(f"encoder={encoder}", val=0.7, test=0.7, seed=seed, training_seconds=None)
    assert verdict(sweep).endswith("(n = 5). Next: choose by cost.")


def test_a_winner_of_val_that_is_surely_behind_on_test_is_not_a_matter_of_cost(
    sweep: Path, add: AddTrial
) -> None:
    add_seeds(add, "rnn", (0.9,) * 5, (0.50, 0.51, 0.52, 0.51, 0.50))
    add_seeds(add, "lstm", (0.8,) * 5, (0.80, 0.82, 0.81, 0.82, 0.81))
    assert verdict(sweep) == (
        "No clear winner: rnn is the best on val, but lstm is ahead of it by 0.304 on test "
        "(n = 5). That is more than chance: val and test disagree. Next: check whether they come "
        "from the same source, or choose on a larger val split."
    )


def test_the_winner_of_val_may_be_behind_on_test(sweep: Path, add: AddTrial) -> None:
    add_seeds(add, "rnn", (0.9, 0.9), (0.5, 0.6))
    add_seeds(add, "lstm", (0.8, 0.8), (0.7, 0.9))
    add_seeds(add, "gru", (0.7, 0.7), (0.5, 0.55))
    assert verdict(sweep) == (
        "No clear winner: rnn is the best on val, but lstm is ahead of it by 0.25 on test (n = 2). "
        "1 more row cannot be told apart from rnn. Next: seed=1,2,3,4,5."
    )


def test_other_rows_that_are_ahead_are_not_called_equal(sweep: Path, add: AddTrial) -> None:
    add_seeds(add, "rnn", (0.9, 0.9), (0.5, 0.6))
    add_seeds(add, "lstm", (0.8, 0.8), (0.7, 0.9))
    add_seeds(add, "gru", (0.7, 0.7), (0.7, 0.8))
    said = verdict(sweep)
    assert "lstm is ahead of it by 0.25 on test (n = 2). 1 more row is ahead, too. Next: " in said
    assert "told apart" not in said


def test_rows_without_common_seeds_have_no_p(sweep: Path, add: AddTrial) -> None:
    add_seeds(add, "bilstm", (0.9, 0.9, 0.9), (0.90, 0.91, 0.92))
    add_seeds(add, "rnn", (0.7, 0.7, 0.7), (0.70, 0.715, 0.72))
    for seed, value in ((8, 0.5), (9, 0.51)):
        add("encoder=lstm", val=value, test=value, seed=seed)
    assert "where rows share seeds, elsewhere twice the error of the means, n = 3" in verdict(sweep)


def test_a_lead_equal_on_every_seed_is_clear(sweep: Path, add: AddTrial) -> None:
    add_seeds(add, "bilstm", (1.0, 1.0), (1.0, 1.0))
    add_seeds(add, "lstm", (0.75, 0.75), (0.75, 0.75))
    assert verdict(sweep) == (
        "Clear winner: bilstm leads lstm by 0.25 on test (on every seed alike, n = 2)."
    )


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (0.01, "bilstm leads lstm by 0.1 on val, over twice the error due to the examples, but "),
        (0.04, "No clear winner: bilstm leads lstm by 0.1 on val, within noise (n = 1). Next: "),
        (None, "No clear winner: bilstm leads lstm by 0.1 on val, within noise (n = 1). Next: "),
    ],
)
def test_one_seed_is_judged_by_the_error_of_its_examples(
    sweep: Path, add: AddTrial, error: float | None, expected: str
) -> None:
    known = {} if error is None else {"sampling_errors": {"val": {"f1": error}}}
    add("encoder=bilstm", val=0.8, **known)
    add("encoder=lstm", val=0.7, **known)
    assert verdict(sweep).startswith(expected)


def test_a_loss_that_is_lower_leads(sweep: Path, add: AddTrial) -> None:
    for seed, noise in ((1, 0.0), (2, 0.001)):
        add("encoder=rnn", val=3.0 + noise, seed=seed, monitor="nll", higher=False)
        add("encoder=lstm", val=2.5, seed=seed, monitor="nll", higher=False)
    assert verdict(sweep).startswith("Clear winner: lstm leads rnn by 0.5 on val")
    assert verdict(sweep).endswith("It was also chosen on val: confirm the lead on a test split.")


def test_without_scipy_the_errors_of_the_means_decide(
    sweep: Path, add: AddTrial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaderboard, "has_scipy", lambda: False)
    add_seeds(add, "bilstm", (0.9, 0.91), (0.9, 0.91))
    add_seeds(add, "lstm", (0.8, 0.81), (0.8, 0.81))
    assert verdict(sweep) == (
        "bilstm leads lstm by 0.1 on test, over twice the error of the means (n = 2)."
    )


def test_trials_that_are_not_done_are_told(sweep: Path, add: AddTrial) -> None:
    add_seeds(add, "rnn", (0.71, 0.73), (0.70, 0.74))
    add_seeds(add, "bilstm", (0.70, 0.71), (0.695, 0.719))
    add("encoder=lstm", seed=1, state="running")
    assert verdict(sweep).endswith("Next: seed=1,2,3,4,5. 1 trial is not done.")


def test_nothing_to_compare(sweep: Path, add: AddTrial) -> None:
    add("encoder=rnn", val=0.7)
    add("encoder=lstm", state="running")
    assert verdict(sweep) == ""


def test_a_table_begins_with_the_verdict(
    sweep: Path, add: AddTrial, capsys: pytest.CaptureFixture[str]
) -> None:
    add_seeds(add, "bilstm", (1.0, 1.0), (1.0, 1.0))
    add_seeds(add, "lstm", (0.75, 0.75), (0.75, 0.75))
    show(sweep)
    first, blank, header, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("Clear winner: bilstm")
    assert not blank
    assert "encoder" in header
    show(sweep, "json")
    assert json.loads(capsys.readouterr().out)[0]["verdict"] == first
    show(sweep, "csv")
    assert "winner" not in capsys.readouterr().out


def test_the_error_of_what_was_not_measured_is_not_known() -> None:
    assert _error(None) == math.inf
