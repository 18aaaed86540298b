"""A pruner that is told anew from files says what Optuna's says while the study lives."""

from __future__ import annotations

import math
import random

import pytest
from optuna.trial import TrialState

from seqloom.errors import ConfigError
from seqloom.sweep.optuna.memory import study_in_memory
from seqloom.sweep.optuna.pruners import build_pruner, is_hopeless

CASES = [
    ("none", {}),
    ("median", {"n_startup_trials": 2}),
    ("median", {"n_startup_trials": 3, "n_warmup_steps": 3}),
    ("percentile", {"percentile": 25.0, "n_startup_trials": 2}),
    ("successive_halving", {"reduction_factor": 2}),
    ("hyperband", {"max_resource": 9, "reduction_factor": 3}),
    ("threshold", {"lower": 0.2, "n_warmup_steps": 2}),
]


@pytest.mark.parametrize(("name", "params"), CASES)
def test_the_verdicts_are_those_of_a_living_study(name: str, params: dict[str, float]) -> None:
    rng = random.Random(5)
    live = study_in_memory(["maximize"], build_pruner(name, params))
    reports: dict[int, dict[int, float]] = {}
    ended: dict[int, str] = {}
    for number in range(14):
        trial, slope = live.ask(), rng.random()
        reports[number], ended[number] = {}, "done"
        for epoch in range(1, 10):
            reports[number][epoch] = slope * epoch / 9 + rng.gauss(0, 0.05)
            trial.report(reports[number][epoch], epoch)
            expected = trial.should_prune()
            others = {one: state for one, state in ended.items() if one != number}
            assert is_hopeless(build_pruner(name, params), reports, others, number) == expected
            if expected:
                ended[number] = "pruned"
                break
        if ended[number] == "done":
            live.tell(trial, reports[number][9])
        else:
            live.tell(trial, state=TrialState.PRUNED)
    assert ("pruned" in ended.values()) == (name != "none")


def test_a_trial_without_a_number_is_hopeless_beside_others() -> None:
    reports = {0: {1: 0.5}, 1: {1: 0.4}, 2: {1: math.nan}}
    ended = {0: "done", 1: "done"}
    assert is_hopeless(build_pruner("median", {"n_startup_trials": 2}), reports, ended, 2)


def test_names_and_parameters_are_checked() -> None:
    with pytest.raises(ConfigError, match=r"pruner=medain is no pruner\. Did you mean 'median'"):
        build_pruner("medain", {})
    with pytest.raises(ConfigError, match=r"pruner_params do not suit median: .*n_startup"):
        build_pruner("median", {"n_startup": 1})
