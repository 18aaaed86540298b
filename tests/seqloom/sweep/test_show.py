"""Leaderboards as text, rounded for people and raw for programs, and the end of a sweep."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from scipy.stats import ttest_rel

from seqloom.sweep.leaderboard import boards
from seqloom.sweep.show import WIDTH, csv_text, finish, json_text, markdown, omitted, show, table
from seqloom.sweep.summary import write_index
from seqloom.sweep.trials import read_trials

from .conftest import AddTrial

KEYS = ("encoder.merge", "optimizer.learning_rate", "frontend.character_filters")


@pytest.fixture
def merges(sweep: Path, add: AddTrial) -> Path:
    """An rnn, which has no merge, and a bilstm; one seed of the bilstm failed."""
    for seed in (1, 2):
        add("encoder=rnn", val=0.5 + seed / 16, test=seed / 8, seed=seed)
        add("encoder=bilstm", "encoder.merge=a|b", val=0.75 + seed / 8, test=1 / 3, seed=seed)
    add("encoder=bilstm", "encoder.merge=a|b", seed=3, state="failed")
    return sweep


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_a_table_is_aligned(merges: Path) -> None:
    made = boards(read_trials(merges))
    header, *rows = table(made).splitlines()
    assert header.split() == [
        *("encoder", "merge", "n", "val", "f1", "test", "f1"),
        *("p", "(test)", "parameters", "time", "not", "done"),
    ]
    assert rows[0].split()[:6] == ["bilstm", "a|b", "2", "0.9375", "±", "0.0625"]
    assert rows[0].endswith("best       1,000  2.0 s  1 failed")
    assert rows[1].startswith("rnn      –      2  0.5938 ± 0.0312  0.1875 ± 0.0625")
    assert omitted(made) == ["val range", "test range", "units/s"]


def test_a_table_fits_if_it_can(sweep: Path, add: AddTrial) -> None:
    for i in range(2):
        for seed in (1, 2):
            add(*(f"{key}={i}" for key in KEYS), val=0.5 + i / 9 + seed / 7, test=0.5, seed=seed)
    made = boards(read_trials(sweep))
    assert max(map(len, table(made).splitlines())) <= WIDTH
    assert "parameters" in omitted(made)


def test_a_wide_terminal_gets_all_columns(merges: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    made = boards(read_trials(merges))
    assert omitted(made) == []
    assert table(made).splitlines()[0].startswith("encoder  encoder.merge  n  ")


def test_markdown_has_all_columns_and_escapes_bars(merges: Path) -> None:
    header, rule, first, _ = markdown(boards(read_trials(merges))).splitlines()
    assert header == (
        "| encoder | encoder.merge | n | val f1 | val range | test f1 | test range | p (test) "
        "| parameters | time | units/s | not done |"
    )
    assert rule.count("---") == 12
    assert first.startswith(r"| bilstm | a\|b | 2 | 0.9375 ± 0.0625 | 0.8750…1.0000 | 0.3333 ±")


def test_csv_is_raw(merges: Path) -> None:
    best, other = csv.DictReader(io.StringIO(csv_text(boards(read_trials(merges)))))
    assert float(best["test_mean"]) == 1 / 3
    assert float(best["val_error"]) == 0.0625
    assert (best["best"], best["trials_failed"], best["trials"]) == ("True", "1", "3")
    assert (other["encoder"], other["encoder.merge"], other["metric"]) == ("rnn", "–", "f1")


def test_csv_of_several_metrics_has_one_header(merges: Path, add: AddTrial) -> None:
    add("head=classification", val=0.5, monitor="accuracy")
    rows = list(csv.DictReader(io.StringIO(csv_text(boards(read_trials(merges))))))
    assert [row["metric"] for row in rows] == ["f1", "f1", "accuracy"]


def test_json_is_raw_and_whole(merges: Path) -> None:
    (board,) = json.loads(json_text(boards(read_trials(merges))))
    assert (board["metric"], board["tested_on"], board["keys"]) == (
        *("f1", "test"),
        ["encoder", "encoder.merge"],
    )
    assert board["rows"][0]["trials"] == [1, 3, 4]
    assert board["rows"][0]["states"] == {"done": 2, "failed": 1}
    assert board["rows"][0]["test"]["mean"] == 1 / 3
    assert board["rows"][1]["values"] == {"encoder": "rnn", "encoder.merge": "–"}


def test_groups_say_what_they_pool(merges: Path, add: AddTrial) -> None:
    add("encoder=bilstm", "encoder.merge=sum", val=0.5, test=0.5)
    (header, bilstm, rnn) = table(boards(read_trials(merges), ["encoder"])).splitlines()
    assert header.split()[:4] == ["encoder", "points", "trials", "n"]
    assert bilstm.split()[:4] == ["bilstm", "2", "4", "3"]
    assert rnn.split()[:4] == ["rnn", "1", "2", "2"]


def test_no_trial_makes_no_table() -> None:
    assert (table([]), markdown([]), csv_text([]), json_text([])) == ("", "", "", "[]")


def test_a_value_that_is_a_section_leaves_room_for_the_rest(sweep: Path, add: AddTrial) -> None:
    section = "{_target_:package.callbacks.StopEarly,monitor:val/loss,patience:%d}"
    for patience in (3, 5):
        add(f"+callbacks.stop={section % patience}", val=patience / 9)
    made = boards(read_trials(sweep))
    header, first, _ = table(made).splitlines()
    assert first.split()[0] == "{_target_:pa…patience:5}"
    assert header.split()[:3] == ["callbacks.stop", "n", "val"]
    assert json.loads(json_text(made))[0]["rows"][0]["values"] == {"callbacks.stop": section % 5}


@pytest.mark.parametrize(
    ("best", "cell", "lead"),
    [((0.25, 0.375, 0.375), "ahead", -0.25), ((0.75, 0.875, 0.875), "0.0", 0.25)],
    ids=["another row is ahead", "the best leads"],
)
def test_p_is_shown_where_the_best_row_leads(
    sweep: Path, add: AddTrial, best: tuple[float, ...], cell: str, lead: float
) -> None:
    for seed, (one, other) in enumerate(zip(best, (0.5, 0.625, 0.5), strict=True)):
        add("encoder=rnn", val=0.5, test=other, seed=seed)
        add("encoder=lstm", val=0.75, test=one, seed=seed)
    made = boards(read_trials(sweep))
    (_, row) = csv.DictReader(io.StringIO(csv_text(made)))
    expected = ttest_rel(best, (0.5, 0.625, 0.5))
    assert float(row["p"]) == pytest.approx(expected.pvalue)
    assert float(row["lead"]) * expected.statistic > 0
    assert float(row["lead"]) == pytest.approx(lead, abs=0.06)
    assert markdown(made).splitlines()[-1].split(" | ")[6].startswith(cell)
    assert [note.partition(":")[0] for note in made[0].notes] == ["ahead"] * (lead < 0)


def test_equal_rows_are_not_ahead(sweep: Path, add: AddTrial) -> None:
    for seed, (one, other) in enumerate(((0.1, 0.3), (0.2, 0.1), (0.3, 0.2))):
        add("encoder=rnn", val=0.5, test=other, seed=seed)
        add("encoder=lstm", val=0.75, test=one, seed=seed)
    (board,) = boards(read_trials(sweep))
    assert (board.rows[1].lead, board.rows[1].mark) == (0.0, "")


def test_a_constant_lead_has_no_p_and_says_so(sweep: Path, add: AddTrial) -> None:
    for seed in (1, 2):
        add("encoder=rnn", val=0.5, test=0.25, seed=seed, epochs=3)
        add("encoder=lstm", val=0.75, test=0.5, seed=seed, epochs=4 + seed)
    made = boards(read_trials(sweep))
    assert table(made).splitlines()[2].split()[-5:] == ["constant", "1,000", "3", "2.0", "s"]
    assert table(made).splitlines()[1].split()[-3] == "5.5"
    (row,) = json.loads(json_text(made))[0]["rows"][1:]
    assert (row["p"], row["lead"], row["epochs"]) == (None, 0.25, 3)
    assert [note.partition(":")[0] for note in made[0].notes] == ["constant"]


def test_a_row_with_too_few_seeds_says_so(sweep: Path, add: AddTrial) -> None:
    for seed in (1, 2):
        add("encoder=rnn", val=0.5 + seed / 100, seed=seed)
        add("encoder=lstm", val=0.75, seed=seed)
    add("encoder=gru", val=0.25)
    made = boards(read_trials(sweep))
    assert [row.mark for row in made[0].rows] == ["", "", "–"]
    assert [note.partition(":")[0] for note in made[0].notes] == ["–"]


def test_a_row_without_any_value_needs_no_reason(sweep: Path, add: AddTrial) -> None:
    for seed in (1, 2):
        add("encoder=rnn", val=0.5 + seed / 100, seed=seed)
        add("encoder=lstm", val=0.75, seed=seed)
    add("encoder=gru", state="failed")
    (board,) = boards(read_trials(sweep))
    assert ([row.mark for row in board.rows], board.notes) == (["", "", ""], [])


def test_a_trial_that_failed_is_shown_with_its_job_and_log(
    sweep: Path, add: AddTrial, capsys: pytest.CaptureFixture[str]
) -> None:
    job = {"host": "n1", "state": "failed", "job": "7_1@local", "restart": 2}
    logs = {"stdout": "/s/7_1_log.out", "stderr": "/s/7_1_log.err"}
    add("encoder=rnn", val=0.5)
    add(state="failed", error="RunError: no\x1b[2J", history=[job | {"logs": logs}])
    add(state="running", history=[job])  # no process holds its lease
    show(sweep)
    err = capsys.readouterr().err
    assert "Trial 1 failed: RunError: no\\x1b[2J (job 7_1, log /s/7_1_log.err)\n" in err
    assert "Trial 2 was killed: its process left no error (job 7_1)\n" in err
    index = json.loads(write_index(sweep).read_text(encoding="utf-8"))
    assert index["trials"][1]["history"] == [job | {"logs": logs}]


def test_the_end_of_a_sweep(sweep: Path, add: AddTrial, capsys: pytest.CaptureFixture[str]) -> None:
    add("encoder=rnn", val=0.5)
    add("encoder=lstm", state="failed", error="ConfigError: no such thing\nand more")
    finish(sweep)
    out, err = capsys.readouterr()
    lines = out.strip().splitlines()
    assert lines[0].startswith("encoder")
    assert [line.split()[0] for line in lines[1:3]] == ["rnn", "lstm"]
    assert lines[-2].split() == ["best", str(sweep / "0" / "bundle")]
    assert lines[-1] == f"sweep  {sweep}"
    assert "1 done, 1 failed of 2." in err
    assert "Trial 1 failed: ConfigError: no such thing\n" in err
    assert len(json.loads((sweep / "index.json").read_bytes())["trials"]) == 2


@pytest.mark.parametrize("content", ["", "[1]", '{"version": 1}'])
def test_a_lost_plan_is_told(
    merges: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show(merges, "table")
    assert "not known" not in capsys.readouterr().err
    (merges / "sweep.json").write_text(content, encoding="utf-8")
    show(merges, "table")
    said = capsys.readouterr().err
    assert f"Trials that have not started are not known. {merges / 'sweep.json'}" in said
    assert "is damaged" in said
