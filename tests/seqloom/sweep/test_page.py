"""The page of a sweep: whole, self-contained, and of use without the extras."""

from __future__ import annotations

import re
import sys
from html import unescape
from pathlib import Path

import pytest

from seqloom.errors import DataError
from seqloom.extras import install_command
from seqloom.sweep import plots
from seqloom.sweep.leaderboard import boards
from seqloom.sweep.page import GET_OPTUNA, MIN_POINTS, curves, importances, write_page
from seqloom.sweep.plots import Axis
from seqloom.sweep.points import grouped
from seqloom.sweep.trials import read_trials

from .conftest import AddTrial


@pytest.fixture
def trained(sweep: Path, add: AddTrial) -> Path:
    """Ten points: the encoder matters much, the rate hardly; one trial failed."""
    for encoder, merge, value in (("rnn", (), 0.5), ("bilstm", ("encoder.merge=sum",), 0.9)):
        for rate in ("0.001", "0.003", "0.01", "0.03", "0.1"):
            for seed in (1, 2):
                val = value + seed / 100 + float(rate) / 50
                words = (f"encoder={encoder}", *merge, f"optimizer.lr={rate}")
                curve = [val / 2, val * 0.9, val]
                add(*words, val=val, test=val - 0.1, seed=seed, curve=curve)
    add("encoder=rnn", "optimizer.lr=<b>", state="failed", error="ConfigError: <script>")
    return sweep


def page(folder: Path, tmp_path: Path) -> str:
    path = tmp_path / "page.html"
    write_page(path, folder)
    return path.read_text(encoding="utf-8")


def test_the_page_has_its_table_and_its_plots(trained: Path, tmp_path: Path) -> None:
    html = page(trained, tmp_path)
    for title in ("Learning curves", "Parallel coordinates", "Importance of the keys"):
        assert html.count(f">{title}<") == 1
        assert f"<figcaption>{title}</figcaption>" in html
    assert html.count("<svg role=") == 3
    assert html.count('<tr class="monitored">') == 1
    assert 'data-value="0.1"' in html
    assert "val/f1" in html
    assert re.search("<p><b>[NC][a-z ]*lear winner: bilstm", html)
    assert "<h2>Failed trials</h2>" in html


def test_the_page_needs_nothing_else_and_runs_nothing_of_a_trial(
    trained: Path, tmp_path: Path
) -> None:
    html = page(trained, tmp_path)
    assert not re.search(r'(?:src|href)="(?!#)', html)
    assert "@import" not in html
    assert "ConfigError: &lt;script&gt;" in html
    assert html.count("<script>") == 1
    assert "<b>&lt;" not in html
    assert ">&lt;b&gt;</td>" in html


def test_identifiers_are_unique_also_with_two_metrics(
    trained: Path, add: AddTrial, tmp_path: Path
) -> None:
    add("head=classification", val=0.5, monitor="accuracy", curve=[0.25, 0.5])
    html = page(trained, tmp_path)
    assert "Leaderboard by accuracy" in html
    found = re.findall(r'\bid="([^"]+)"', html)
    assert len(found) == len(set(found))


def test_without_matplotlib_the_page_says_how_to_get_the_plots(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    html = page(trained, tmp_path)
    assert "<svg" not in html
    assert install_command("sweep,report") in unescape(html)
    assert "0.9" in html


def test_a_page_of_trials_that_are_not_done(sweep: Path, add: AddTrial, tmp_path: Path) -> None:
    add("encoder=rnn", state="failed")
    assert "Trials without a result yet" in page(sweep, tmp_path)
    with pytest.raises(DataError, match="does not hold a sweep"):
        page(tmp_path, tmp_path)


def test_importance_is_of_what_matters(trained: Path) -> None:
    groups = grouped(read_trials(trained))
    shares, remark = importances(groups, ["encoder", "optimizer.lr"], "f1")
    assert remark == ""
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["encoder"] > 0.9


def test_importances_that_cannot_be_told(
    sweep: Path, add: AddTrial, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(MIN_POINTS):
        add(f"encoder.hidden_size={i}", val=0.5)
    add("encoder.hidden_size=77", state="failed")
    groups = grouped(read_trials(sweep))
    assert (
        "All trials have the same result" in importances(groups, ["encoder.hidden_size"], "f1")[1]
    )
    assert (
        f"at least {MIN_POINTS} finished points"
        in importances(groups[1:], ["encoder.hidden_size"], "f1")[1]
    )
    add("encoder.hidden_size=9", val=0.75)
    groups = grouped(read_trials(sweep))
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert importances(groups, ["encoder.hidden_size"], "f1") == (
        {},
        GET_OPTUNA.format(install_command("sweep")),
    )


def test_curves_survive_what_a_kill_leaves(sweep: Path, add: AddTrial) -> None:
    cut = add("encoder=rnn", val=0.5, curve=[0.25, 0.5]) / "metrics.jsonl"
    cut.write_text(cut.read_text(encoding="utf-8") + '\n{"epoch": 2, "val/f', encoding="utf-8")
    (add("encoder=lstm", val=0.5) / "metrics.jsonl").unlink()
    (board,) = boards(read_trials(sweep))
    assert curves(board) == {"rnn": [[(1.0, 0.25), (2.0, 0.5)]]}


def test_a_metric_that_is_always_the_same_has_one_tick() -> None:
    assert plots._metric_ticks(0.5, 0.5) == [(0.5, "0.5")]
    assert [label for _, label in plots._metric_ticks(0, 1)] == ["0", "0.25", "0.5", "0.75", "1"]


def test_values_stand_on_their_axis_by_size() -> None:
    assert [Axis(["0", "10", "5"])(name) for name in ("0", "5", "10")] == [0, 0.5, 1]
    assert Axis(["1e-4", "1e-2", "1e-3"])("1e-3") == pytest.approx(0.5)
    assert Axis(["1", "6", "36"])("6") == pytest.approx(0.5)
    assert Axis(["1", "15.5", "30"])("15.5") == pytest.approx(0.5)
    absent = Axis(["1", "2", "–"])
    assert (absent("–"), absent("1"), absent("2")) == (0, 0.12, 1)
    names = Axis(["sum", "concat", "–"])
    assert [names(name) for name in ("concat", "sum", "–")] == [0, 0.5, 1]
    assert Axis(["7", "7"])("7") == 0.5
    assert len(Axis([str(i) for i in range(100)]).ticks) <= 12
