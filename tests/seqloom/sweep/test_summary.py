"""A sweep in brief: its index, its line in a list, its Pareto front."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from privileges import dropped

from seqloom.errors import DataError, RunError
from seqloom.extras import install_command
from seqloom.sweep import summary as module
from seqloom.sweep.folder import Plan
from seqloom.sweep.page import write_page
from seqloom.sweep.show import finish
from seqloom.sweep.summary import GET_OPTUNA, found_below, pareto_front, table, write_index

from .conftest import AddTrial

POINTS = {"rnn": (0.5, 100), "lstm": (0.75, 200), "gru": (0.6, 300)}


def test_the_index_holds_all_trials_in_short(sweep: Path, add: AddTrial) -> None:
    add("encoder=rnn", val=0.5, test=0.25, config={"encoder": {"name": "rnn"}}, attempts=2)
    add("encoder=lstm", state="failed", error="ConfigError: no")
    (add("encoder=gru") / "run.json").write_text("{", encoding="utf-8")
    path = write_index(sweep)
    assert path == sweep / "index.json"
    first = path.read_bytes()
    done, failed, damaged = json.loads(first)["trials"]
    assert done == {
        "number": 0,
        "state": "done",
        "seed": "1",
        "overrides": {"encoder": "rnn", "seed": "1"},
        "attempts": 2,
        "monitor": "f1",
        "higher_is_better": True,
        "parameters": 1000,
        "training_seconds": 2.0,
        "cost_per_second": 5000,
        "metrics": {"val": {"f1": 0.5, "loss": 0.5}, "test": {"f1": 0.25}},
    }
    assert (failed["state"], failed["error"]) == ("failed", "ConfigError: no")
    assert damaged["state"] == "damaged"
    assert json.loads(first)["best"] == 0
    path.write_text("damaged", encoding="utf-8")
    assert write_index(sweep).read_bytes() == first


def test_the_best_is_of_the_best_row(sweep: Path, add: AddTrial) -> None:
    for encoder, values in {"rnn": (0.9, 0.1), "lstm": (0.6, 0.8)}.items():
        for seed, value in enumerate(values):
            add(f"encoder={encoder}", val=value, seed=seed)
    assert json.loads(write_index(sweep).read_bytes())["best"] == 3


def test_sweeps_are_found_and_told_in_a_line(tmp_path: Path, add: AddTrial) -> None:
    first, second = tmp_path / "a" / "b", tmp_path / "c"
    add("encoder=rnn", val=0.5, folder=first)
    add("encoder=lstm", val=0.75, folder=first)
    plan = {
        "created": "2026-01-31T12:34:56+0000",
        "command": [
            "-m",
            "hydra.sweeper.x={a,b}",
            "trainer=cpu",
            "encoder=rnn,lstm",
            f"data.train={'x' * 60},y",
        ],
        "trials": [{"number": 2, "overrides": ["encoder=gru"]}],
    }
    (first / "sweep.json").write_text(json.dumps(plan), encoding="utf-8")
    add("encoder=rnn", state="failed", started="2026-02-01T00:00:00", folder=second)
    write_index(second)
    header, one, other = table(found_below([tmp_path])).splitlines()
    assert header.split() == ["folder", "when", "command", "trials", "best"]
    assert one.startswith(f"{first}  2026-01-31 12:34  encoder=rnn,lstm data.train=xxx")
    assert one.endswith("x…  2 done, 1 not started of 3  encoder=lstm: f1 0.7500")
    assert other.split() == [str(second), "2026-02-01", "00:00", "1", "failed", "of", "1"]


def test_trials_and_runs_are_not_looked_into(tmp_path: Path, add: AddTrial) -> None:
    trial = add(val=0.5, folder=tmp_path / "sweep")
    write_index(tmp_path / "sweep")
    add(val=0.5, folder=trial)  # a sweep in a trial's folder is none of ours
    write_index(trial)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "sweep.json").touch()
    assert [sweep.folder for sweep in found_below([tmp_path, tmp_path])] == [tmp_path / "sweep"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"is not a folder\. Pass the folders to search"):
        found_below([tmp_path / "runs"])


def test_an_index_that_is_a_link_to_elsewhere_is_not_written(sweep: Path, add: AddTrial) -> None:
    add(val=0.5)
    (sweep.parent / "mine").write_text("mine")
    for path, write in (("index.json", write_index), ("sweep.json", _plan)):
        (sweep / path).symlink_to(sweep.parent / "mine")
        with pytest.raises(RunError, match=f"{path} is a link to .*mine, which is not in its fol"):
            write(sweep)
    assert (sweep.parent / "mine").read_text() == "mine"


def _plan(folder: Path) -> None:
    Plan(folder, "grid", [], "").save()


def test_a_folder_that_may_not_be_searched_is_told(
    sweep: Path, add: AddTrial, caplog: pytest.LogCaptureFixture
) -> None:
    add(val=0.5)
    write_index(sweep)
    sweep.chmod(0)
    with dropped():
        assert not found_below([sweep.parent])
    sweep.chmod(0o700)
    assert f"{sweep} cannot be searched: Permission denied." in caplog.text


@pytest.fixture
def searched(sweep: Path, add: AddTrial) -> Path:
    """Three encoders, of which the gru is worse than the lstm in both objectives."""
    plan = Plan(sweep, "optuna", [], "/", settings={})
    plan.settings = {"objectives": {"val/f1": "maximize", "parameters": "minimize"}}
    choices = {"name": "CategoricalDistribution", "attributes": {"choices": list(POINTS)}}
    for ask, (encoder, (f1, parameters)) in enumerate(POINTS.items()):
        note = {"ask": ask, "params": {"encoder": encoder}, "attributes": {}}
        plan.add([f"encoder={encoder}"], {**note, "distributions": {"encoder": choices}})
        add(f"encoder={encoder}", val=f1, parameters=parameters)
    plan.save()
    return sweep


def test_the_pareto_front_of_two_objectives(searched: Path) -> None:
    head, *lines = pareto_front(searched)
    assert head == "2 of 3 points are Pareto-optimal:"
    assert [line.split()[-1] for line in lines] == ["encoder=rnn", "encoder=lstm"]


def test_a_sweep_with_a_front_has_no_best(
    searched: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    finish(searched)
    out, err = capsys.readouterr()
    assert "best" not in out
    assert "encoder=rnn" in err
    assert json.loads((searched / "index.json").read_bytes())["best"] is None


def test_the_page_shows_the_front(searched: Path, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_page(path, searched)
    html = path.read_text(encoding="utf-8")
    assert "<h2>Pareto front</h2>" in html
    assert "encoder=lstm</li>" in html
    assert "<figcaption>val/f1 of each point</figcaption>" in html
    assert 'class="monitored"' not in html


def test_without_optuna_it_says_how_to_get_it(
    searched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert pareto_front(searched) == [GET_OPTUNA.format(install_command("sweep"))]


def test_a_record_without_an_objective_is_no_end(searched: Path) -> None:
    (searched / "0" / "run.json").write_text('{"state": "done"}', encoding="utf-8")
    (line,) = pareto_front(searched)
    assert line.startswith(
        "The Pareto front is not known: hydra.sweeper.objectives: trial 0 does not"
    )
