"""A study is rebuilt from a sweep's folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from seqloom.errors import ConfigError, RunError
from seqloom.sweep.folder import Plan
from seqloom.sweep.optuna import study as module
from seqloom.sweep.optuna.settings import Settings
from seqloom.sweep.optuna.study import best_points, rebuild, study_in_memory, study_of

from .conftest import write_trial


def note(ask: int) -> dict[str, Any]:
    distribution = '{"name": "IntDistribution", "attributes": {"low": 0, "high": 9}}'
    return {
        "ask": ask,
        "params": {"x": ask},
        "distributions": {"x": json.loads(distribution)},
        "attributes": {},
    }


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Return a plan of three points with two seeds each; the second is asked for again."""
    plan = Plan(tmp_path, "optuna", [], "", settings=Settings().as_dict())
    for ask in range(3):
        for seed in (1, 2):
            plan.add([f"x={ask}", f"seed={seed}"], note(ask))
    for one in plan.trials[2:4]:
        one.extra["again"] = [note(3) | {"params": {"x": 1}}]
    plan.save()
    return plan


def test_values_are_means_over_the_seeds(plan: Plan) -> None:
    for number, value in enumerate([0.25, 0.75, 0.5, 1.0, 0.0, 0.5]):
        write_trial(plan.folder / str(number), value, curve=[value / 2, value])
    trials = study_of(plan.folder).trials
    assert [trial.value for trial in trials] == [0.5, 0.75, 0.25, 0.75]
    assert [trial.params["x"] for trial in trials] == [0, 1, 2, 1]
    assert trials[0].intermediate_values == {1: 0.25, 2: 0.5}


def test_the_direction_is_the_metrics_own(plan: Plan) -> None:
    for number in range(6):
        write_trial(plan.folder / str(number), number, curve=[number], higher_is_better=False)
    study = study_of(plan.folder)
    assert [trial.value for trial in study.trials] == [-0.5, -2.5, -4.5, -2.5]
    assert study.trials[1].intermediate_values == {1: -2.5}
    assert best_points(plan, study, Settings()) == (
        "The best of 3 points: val f1 0.5 (mean of trials 0, 1): x=0"
    )


def test_what_was_reported_is_the_objective_as_it_is(plan: Plan) -> None:
    plan.settings = Settings(pruner="median", objectives={"val/loss": "minimize"}).as_dict()
    plan.save()
    for number in range(6):
        write_trial(plan.folder / str(number), 0.5, curve=[0.1], losses=[number, 0], state="pruned")
    trials = study_of(plan.folder).trials
    assert {trial.state for trial in trials} == {TrialState.PRUNED}
    assert [trial.intermediate_values for trial in trials] == [
        {1: 0.5, 2: 0},
        {1: 2.5, 2: 0},
        {1: 4.5, 2: 0},
        {1: 2.5, 2: 0},
    ]


@pytest.mark.parametrize(
    "objectives",
    [{"parameters": "minimize"}, {"val/f1": "maximize", "val/loss": "minimize"}],
    ids=str,
)
def test_nothing_is_reported_of_what_no_pruner_takes(
    plan: Plan, objectives: dict[str, str]
) -> None:
    plan.settings = Settings(objectives=objectives).as_dict()
    plan.save()
    metrics = {"val": {"f1": 0.5, "loss": 1.0}}
    for number in range(6):
        write_trial(plan.folder / str(number), 0.5, curve=[0.5], losses=[1.0], metrics=metrics)
    trials = study_of(plan.folder).trials
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    assert [trial.intermediate_values for trial in trials] == [{}] * 4


def test_states_of_trials_become_states_of_points(plan: Plan) -> None:
    def state(first: str, second: str) -> TrialState:
        write_trial(plan.folder / "0", 0.5, curve=[0.5, 0.6], state=first)
        write_trial(plan.folder / "1", 0.5, curve=[0.7], state=second)
        return study_of(plan.folder).trials[0].state

    assert state("done", "done") == TrialState.COMPLETE
    assert state("done", "pruned") == TrialState.PRUNED
    assert study_of(plan.folder).trials[0].intermediate_values == {1: 0.6, 2: 0.6}
    assert state("pruned", "failed") == TrialState.FAIL
    assert state("done", "failed") == TrialState.FAIL
    assert state("done", "interrupted") == TrialState.RUNNING
    assert state("done", "running") == TrialState.RUNNING  # its process was killed
    assert study_of(plan.folder).trials[2].state == TrialState.RUNNING  # it waits


def test_a_value_that_is_no_number_is_a_failure(plan: Plan) -> None:
    for number in range(2):
        write_trial(plan.folder / str(number), 0.5, metrics={"val": {"f1": None}})
    assert study_of(plan.folder).trials[0].state == TrialState.FAIL


def test_a_search_by_validation_needs_a_validation_split(plan: Plan) -> None:
    for number in range(2):
        write_trial(plan.folder / str(number), 0.5, metrics={"test": {"f1": 0.5}})
    with pytest.raises(
        ConfigError, match=r"by their scores on val, but trial 0 has no validation sp"
    ):
        study_of(plan.folder)


def test_a_number_that_a_record_leaves_open_is_a_failure(plan: Plan) -> None:
    plan.settings = Settings(objectives={"cost_per_second": "maximize"}).as_dict()
    plan.save()
    for number in range(6):
        write_trial(plan.folder / str(number), 0.5, cost_per_second=None if number < 2 else 9)
    states = [trial.state for trial in study_of(plan.folder).trials]
    assert states == [TrialState.FAIL, *[TrialState.COMPLETE] * 3]


def test_a_sweep_of_another_kind_has_no_study(tmp_path: Path) -> None:
    Plan(tmp_path, "grid", [], "").save()
    with pytest.raises(RunError, match="is a sweep by grid, not by optuna"):
        study_of(tmp_path)


@pytest.mark.parametrize(
    "extra",
    [
        {},
        note(0) | {"ask": "x"},
        note(0) | {"distributions": {"x": "y"}},
        note(0) | {"params": {"x": [1]}},
        note(0) | {"again": 3},
    ],
    ids=str,
)
def test_a_damaged_note_is_told(plan: Plan, extra: dict[str, Any]) -> None:
    for one in plan.trials[:2]:
        one.extra.clear()
        one.extra.update(extra)
    plan.save()  # as an earlier version wrote it, which would not notice
    with pytest.raises(RunError, match=r"sweep\.json is damaged: it does not hold the plan of a s"):
        study_of(plan.folder)


def test_a_fault_of_ours_is_no_damaged_plan(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    def outcome_of(*_: object) -> None:
        raise AttributeError("a mistake in the code")

    monkeypatch.setattr(module, "outcome_of", outcome_of)
    with pytest.raises(AttributeError, match="a mistake in the code"):
        study_of(plan.folder)


def test_a_record_of_other_types_is_a_damaged_trial(plan: Plan) -> None:
    plan.settings = Settings(objectives={"val/f1": "maximize"}).as_dict()
    plan.save()
    for number in range(2):
        write_trial(plan.folder / str(number), 0.5, metrics={"val": [0.5]})
    assert study_of(plan.folder).trials[0].state == TrialState.FAIL


def test_a_search_without_a_result_says_so(plan: Plan) -> None:
    study = rebuild(plan)
    assert best_points(plan, study, Settings()) == "None of the 3 points has a result."


def test_the_pareto_front_of_several_objectives(plan: Plan) -> None:
    settings = Settings(objectives={"val/f1": "maximize", "parameters": "minimize"})
    plan.settings = settings.as_dict()
    plan.save()
    for number, (value, size) in enumerate([(0.5, 10), (0.5, 10), (0.9, 90), (0.9, 90)]):
        write_trial(plan.folder / str(number), value, parameters=size)
    for number in (4, 5):
        write_trial(plan.folder / str(number), 0.4, parameters=50)
    assert best_points(plan, study_of(plan.folder), settings).splitlines() == [
        "2 of 3 points are Pareto-optimal:",
        "  val/f1 0.5, parameters 10 (mean of trials 0, 1): x=0",
        "  val/f1 0.9, parameters 90 (mean of trials 2, 3): x=1",
    ]


def test_optuna_does_not_log_studies_in_memory(capsys: pytest.CaptureFixture[str]) -> None:
    study_in_memory(["maximize"])
    assert capsys.readouterr().err == ""


def test_auto_takes_the_direction_of_the_metric(plan: Plan) -> None:
    settings = Settings(objectives={"val/gap": "auto", "parameters": "auto"})
    plan.settings = settings.as_dict()
    plan.save()
    for number, (gap, size) in enumerate([(0.5, 10), (0.5, 10), (0.1, 90), (0.1, 90)]):
        metrics = {"val": {"f1": 0.9, "gap": gap}}
        folder = plan.folder / str(number)
        write_trial(folder, 0.9, parameters=size, metrics=metrics, modes={"gap": "min"})
    for number in (4, 5):
        metrics = {"val": {"f1": 0.9, "gap": 0.6}}
        folder = plan.folder / str(number)
        write_trial(folder, 0.9, parameters=50, metrics=metrics, modes={"gap": "min"})
    assert best_points(plan, study_of(plan.folder), settings).splitlines() == [
        "2 of 3 points are Pareto-optimal:",
        "  val/gap 0.1, parameters 90 (mean of trials 2, 3): x=1",
        "  val/gap 0.5, parameters 10 (mean of trials 0, 1): x=0",
    ]


def test_auto_needs_a_recorded_direction(plan: Plan) -> None:
    plan.settings = Settings(objectives={"val/gap": "auto"}).as_dict()
    plan.save()
    for number in range(6):
        write_trial(plan.folder / str(number), 0.5, metrics={"val": {"gap": 0.5}})
    with pytest.raises(ConfigError, match=r"does not say whether .* val/gap .* maximize or minim"):
        study_of(plan.folder)
