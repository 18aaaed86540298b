"""The page of results: a plot for each table, and floors and aims in CONTRIBUTING.md."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from result_plots import plot, plot_times

ROOT = Path(__file__).parent.parent


PARTS = ROOT / "scripts" / "reproduce_parts"


@pytest.fixture(scope="module")
def results_page() -> Iterator[ModuleType]:
    """The module of scripts/reproduce that writes the page."""
    sys.path.insert(0, str(PARTS))
    try:
        yield importlib.import_module("_results_page")
    finally:
        sys.path.remove(str(PARTS))


def test_the_best_score_has_its_own_colour_and_each_row_its_range() -> None:
    rows = [("lstm", "91.42 (90.72–91.82)"), ("bilstm <b>", "93.54 (92.68–94.26)")]
    made = plot("slots", "span F1 on test", rows)
    assert "slots: the best is bilstm &lt;b&gt; with 93.54" in made
    assert "higher is better" in made
    assert made.count('class="line s') == 2
    assert made.count('class="dot s2"') == 1
    lower = plot("lines", "CER on test", rows)
    assert "the best is lstm with 91.42" in lower
    assert "lower is better" in lower


def test_a_cell_that_is_no_score_is_named() -> None:
    with pytest.raises(ValueError, match=r"slots: expected a score such as .*, got 'high'"):
        plot("slots", "F1", [("lstm", "high")])


def test_scores_are_plotted_over_time_where_two_rows_have_one() -> None:
    rows = [
        ("lstm", "91.42 (90.72–91.82)", "40"),
        ("rnn", "91.80 (91.20–92.18)", ""),
        ("bilstm concat", "93.54 (92.68–94.26)", "1,060"),
    ]
    made = plot_times("slots", "span F1 on test", rows)
    assert made is not None
    assert "slots: the fastest is lstm with 91.42 in 40 s" in made
    assert "processor time, seconds" in made
    assert made.count('class="dot s1"') == made.count('class="dot s2"') == 1
    assert 'text-anchor="end" class="name">bilstm concat<' in made  # it is at the right edge
    assert "rnn" not in made
    assert plot_times("slots", "span F1 on test", rows[:2]) is None


def test_floors_and_aims_are_those_of_the_script(results_page: ModuleType) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert results_page.with_targets(text) == text


def test_without_runs_the_page_stays_as_it_is(
    results_page: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["_models"], "RUNS", tmp_path)
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert "\n".join(results_page.page(page)) + "\n" == page


def test_each_command_of_the_page_has_a_folder_of_its_own() -> None:
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    folders = re.findall(r"run_dir=(\S+)", page)
    assert len(folders) > 30
    assert sorted(set(folders)) == sorted(folders)


@pytest.fixture
def two_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of two seeds of one model."""
    monkeypatch.setattr(sys.modules["_models"], "RUNS", tmp_path)
    for seed, f1 in ((1, 0.8), (2, 0.9)):
        run = tmp_path / "bc5cdr" / "lstm" / str(seed)
        run.mkdir(parents=True)
        files = {
            "run": {"state": "done", "parameters": 1234567},
            "metrics": {"val": {"f1": f1}, "test": {"f1": f1 - 0.1}},
            "seconds": {"attempts": [50.0, 10.0 * seed]},  # a resumed run has several attempts
        }
        for name, content in files.items():
            (run / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.usefixtures("two_runs")
def test_runs_replace_a_row_of_as_many_seeds_or_fewer(results_page: ModuleType) -> None:
    row = "| lstm | 85.00 (80.00–90.00) | 75.00 (70.00–80.00) | 2 | 1,234,567 | 65 |"
    assert row in results_page.page("")
    assert row in results_page.page(BEFORE)
    assert row not in results_page.page(BEFORE.replace(" | 2 | ", " | 3 | "))


@pytest.mark.usefixtures("two_runs")
def test_a_row_of_more_seeds_takes_the_time_alone_and_others_lose_theirs(
    results_page: ModuleType,
) -> None:
    made = list(results_page.page(BEFORE.replace(" | 2 | ", " | 3 | ")))
    assert "| lstm | 80.00 (80.00–80.00) | 70.00 (70.00–70.00) | 3 | 1 | 65 |" in made
    assert "| rnn | 81.00 (81.00–81.00) | 71.00 (71.00–71.00) | 3 | 1 |  |" in made


BEFORE = """# Results

## bc5cdr: chemicals and diseases

| model | val | test | seeds | parameters | seconds |
|---|---|---|---|---|---|
| lstm | 80.00 (80.00–80.00) | 70.00 (70.00–70.00) | 2 | 1 | 9 |
| rnn | 81.00 (81.00–81.00) | 71.00 (71.00–71.00) | 3 | 1 | 8 |

## snips: slots
"""
