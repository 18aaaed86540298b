"""Ranks that are started with the words of a sweep run the sweep, not its trial.

Lightning starts rank 1 with the words that the user gave to rank 0. With ``-m`` these are those of
the whole sweep: rank 1 makes a sweep of its own, composes each config anew, and goes through the
trials in step with rank 0. What is drawn, as by a search, it draws again. Our ranks are given the
folder of one trial, where its config is frozen; nobody but the sweep's own process plans.
"""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import Ended, record


def naive_ranks(folder: Path, job: int) -> list[dict[str, float]]:
    return [json.loads(path.read_text()) for path in sorted(folder.glob(f"{job}-*.json"))]


def test_naively_each_rank_runs_a_sweep_of_its_own(naive_sweep: Path) -> None:
    first, second = naive_ranks(naive_sweep, job=0)
    assert {first["rank"], second["rank"]} == {0, 1}
    assert first["rate"] != second["rate"]  # in one group of processes, that share their gradients
    assert first["sweep"] != second["sweep"]
    assert len(list(naive_sweep.glob("multirun/*/*"))) == 2


def test_a_grid_has_the_planned_trials_alone(sweep: Ended) -> None:
    assert sweep.names() == ["0", "1", "2", "3"]
    assert [path.name for path in sweep.folder.parent.iterdir() if path != sweep.folder] == ["logs"]
    asked = [(one["config"]["trainer"]["devices"], one["seed"]) for one in sweep.trials()]
    assert asked == [(devices, seed) for devices in (2, 1) for seed in (1, 2)]
    assert sweep.said.count("[0] trainer.devices=2 seed=1\n") == 1
    assert sweep.said.count("[0] Epoch 1 of 1") == 1
    assert all(one["attempts"] == 1 for one in sweep.trials())


def test_the_ranks_of_a_searched_trial_have_the_same_settings(search: Ended) -> None:
    assert search.code == 0, search.said
    assert search.names() == ["0", "1"]
    plan = json.loads((search.folder / "sweep.json").read_text())
    assert [trial["number"] for trial in plan["trials"]] == [0, 1]
    rates, sizes = set(), set()
    for number in (0, 1):
        first, second = search.seen(number)
        config = record(search.folder / str(number))["config"]
        assert first["rate"] == second["rate"] == config["optimizer"]["lr"]
        assert first["parameters"] == second["parameters"]
        rates.add(first["rate"])
        sizes.add(first["parameters"])
    assert len(rates) == len(sizes) == 2  # there was something to differ in
