"""The front of a search by two objectives, where no point is the best."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seqloom.sweep import front as module
from seqloom.sweep.front import GET_OPTUNA, front
from seqloom.sweep.page import write_page
from seqloom.sweep.plan import Plan
from seqloom.sweep.show import sum_up

from .conftest import AddTrial

POINTS = {"rnn": (0.5, 100), "lstm": (0.75, 200), "gru": (0.6, 300)}


@pytest.fixture
def searched(sweep: Path, add: AddTrial) -> Path:
    """Three encoders, of which the gru is excelled in both objectives by the lstm."""
    plan = Plan(sweep, "optuna", [], "/", settings={})
    plan.settings = {"objectives": {"val/f1": "maximize", "parameters": "minimize"}}
    choices = {"name": "CategoricalDistribution", "attributes": {"choices": list(POINTS)}}
    for ask, (encoder, (f1, parameters)) in enumerate(POINTS.items()):
        note = {"ask": ask, "params": {"encoder": encoder}, "attributes": {}}
        plan.add([f"encoder={encoder}"], {**note, "distributions": {"encoder": choices}})
        add(f"encoder={encoder}", val=f1, parameters=parameters)
    plan.save()
    return sweep


def test_the_front_is_what_none_excels_in_both(searched: Path) -> None:
    head, *lines = front(searched)
    assert head == "Of 3 points, 2 are excelled by no other in all objectives:"
    assert [line.split()[-1] for line in lines] == ["encoder=rnn", "encoder=lstm"]


def test_a_sweep_with_a_front_has_no_best(
    searched: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sum_up(searched)
    out, err = capsys.readouterr()
    assert "best" not in out
    assert "encoder=rnn" in err
    assert json.loads((searched / "index.json").read_bytes())["best"] is None


def test_the_page_shows_the_front(searched: Path, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_page(path, searched)
    html = path.read_text(encoding="utf-8")
    assert "<h2>The front</h2>" in html
    assert "encoder=lstm</li>" in html
    assert "<figcaption>Parallel coordinates</figcaption>" in html
    assert 'class="monitored"' not in html


def test_without_optuna_it_says_how_to_get_it(
    searched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert front(searched) == [GET_OPTUNA]


def test_a_record_without_an_objective_is_no_end(searched: Path) -> None:
    (searched / "0" / "run.json").write_text('{"state": "done"}', encoding="utf-8")
    (line,) = front(searched)
    assert line.startswith("The front cannot be told: hydra.sweeper.objectives: trial 0 has")
