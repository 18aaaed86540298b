"""A search ranks its points by its objective, everywhere; where a table cannot, it says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seqloom.sweep.folder import Plan, read_plan
from seqloom.sweep.launching import progress_line
from seqloom.sweep.page import write_page
from seqloom.sweep.ranking import best_of, ranked_boards, ranking
from seqloom.sweep.show import finish, show
from seqloom.sweep.summary import summary, write_index
from seqloom.sweep.trials import read_trials

from .conftest import AddTrial

INSTEAD = "ranked by the monitored metric on val instead."


def search(sweep: Path, add: AddTrial, objectives: dict[str, str]) -> Plan:
    """Write a search whose trial 0 has the better accuracy, and trial 1 the smaller loss."""
    for encoder, accuracy, loss in (("rnn", 0.9, 0.7), ("lstm", 0.8, 0.5)):
        metrics = {"val": {"accuracy": accuracy, "loss": loss}}
        add(f"encoder={encoder}", val=accuracy, monitor="accuracy", metrics=metrics)
    plan = Plan(sweep, "optuna", ["-m"], "/", settings={"objectives": objectives})
    plan.save()
    return read_plan(sweep)


@pytest.mark.parametrize("chosen", ["auto", "minimize"])
def test_the_objective_of_a_search_ranks_its_points(
    sweep: Path, add: AddTrial, chosen: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = search(sweep, add, {"val/loss": chosen})
    trials = read_trials(sweep)
    (board,) = ranked_boards(plan, trials)
    assert (board.metric, board.higher_is_better) == ("loss", False)
    assert board.best is not None
    assert board.best.group.name == "encoder=lstm"
    assert board.verdict.startswith("No clear winner: lstm leads rnn by 0.2 on val")
    assert json.loads(write_index(sweep).read_bytes())["best"] == 1
    assert summary(sweep).best == "encoder=lstm: loss 0.5000"
    finish(sweep)
    out, err = capsys.readouterr()
    assert f"best   {sweep / '1' / 'bundle'}" in out
    assert INSTEAD not in err
    line = progress_line(trials, 0, 1, metric=ranking(plan, trials)[0])
    assert line == "Sweep: 2 of 2 done; best: trial 1 with val/loss 0.5000"
    write_page(sweep / "page.html", sweep)
    page = (sweep / "page.html").read_text(encoding="utf-8")
    assert "lstm leads rnn" in page


def test_another_metric_can_be_asked_for(
    sweep: Path, add: AddTrial, capsys: pytest.CaptureFixture[str]
) -> None:
    search(sweep, add, {"val/loss": "auto"})
    show(sweep, metric="accuracy")
    assert capsys.readouterr().out.startswith("No clear winner: rnn leads lstm")


@pytest.mark.parametrize(
    ("objectives", "named"),
    [
        ({"training_seconds": "auto"}, "training_seconds. Rows"),
        ({"test/f1": "maximize"}, "test/f1 (maximize). Rows"),
        ({"val/accuracy": "minimize"}, "val/accuracy (minimize). Rows"),  # against its head
    ],
)
def test_an_objective_that_a_table_does_not_rank_by_is_told(
    sweep: Path,
    add: AddTrial,
    objectives: dict[str, str],
    named: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = search(sweep, add, objectives)
    show(sweep)
    out, err = capsys.readouterr()
    assert out.startswith("No clear winner: rnn leads lstm")
    assert f"The objective of the search is {named}, and the best model, are {INSTEAD}" in err
    best = best_of(plan, read_trials(sweep))
    assert best is not None
    assert best.number == 0


def test_a_search_without_a_result_has_a_table(sweep: Path, add: AddTrial) -> None:
    add("encoder=rnn", state="failed")
    plan = Plan(sweep, "optuna", [], "/", settings={"objectives": {"val/loss": "auto"}})
    (board,) = ranked_boards(plan, read_trials(sweep))
    assert len(board.rows) == 1
    assert best_of(plan, read_trials(sweep)) is None


@pytest.mark.parametrize("objectives", [None, {}, [], {"val/f1": "auto", "parameters": "auto"}])
def test_other_sweeps_have_no_such_metric(sweep: Path, objectives: object) -> None:
    plan = Plan(sweep, "grid", [], "/", settings={"objectives": objectives})
    assert ranking(plan, []) == (None, "")
