"""A search asks, runs, tells; it goes on from its folder as if nothing had happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from optuna.trial import TrialState

from seqloom.errors import ConfigError
from seqloom.sweep.folder import PlannedTrial, read_plan
from seqloom.sweep.optuna.search import Search
from seqloom.sweep.optuna.study import study_of

from .conftest import MakeSearch, values_of, write_trial, write_trials

WORDS = (
    "encoder=rnn,bilstm",
    "encoder.merge=sum,concat",
    "optimizer.lr=tag(log,interval(1e-4,1e-1))",
)


def score(values: Mapping[str, str]) -> float:
    """Be best at a bilstm with lr=0.01, and a little better with each seed."""
    lr, seed = float(values.get("optimizer.lr", 0.01)), int(values.get("seed", 0))
    return 1 - abs(lr - 0.01) - 0.3 * (values.get("encoder") == "rnn") + 0.01 * seed


def points(search: Search) -> list[list[str]]:
    return [one.overrides for one in search.plan.trials]


def test_each_point_is_run_with_every_seed_and_told_their_mean(make_search: MakeSearch) -> None:
    search = make_search(*WORDS, "seed=1,2,3", objective=score, n_trials=4)
    search.run()
    assert [one.number for one in search.plan.trials] == list(range(12))
    assert [one.overrides[-1] for one in search.plan.trials] == ["seed=1", "seed=2", "seed=3"] * 4
    for number, trial in enumerate(search.study.trials):
        same = search.plan.trials[3 * number : 3 * number + 3]
        assert len({tuple(one.overrides[:-1]) for one in same}) == 1
        middle = score(values_of(same[1]))
        assert trial.value == pytest.approx(middle)


def test_equal_points_run_once_and_the_search_ends_when_there_are_no_others(
    make_search: MakeSearch,
) -> None:
    search = make_search("encoder=rnn,bilstm", "encoder.merge=sum,concat", objective=score)
    search.run()
    assert len(points(search)) == len(set(map(tuple, points(search)))) == 3
    told = [trial.value for trial in search.study.trials]
    assert len(told) > 3
    assert None not in told
    assert len(study_of(search.plan.folder).trials) == len(told)


def test_brute_force_ends_by_itself(make_search: MakeSearch) -> None:
    search = make_search(
        "encoder=rnn,bilstm", "encoder.merge=sum,concat", objective=score, sampler="brute_force"
    )
    search.run()
    assert sorted(points(search)) == [
        ["encoder=bilstm", "encoder.merge=concat"],
        ["encoder=bilstm", "encoder.merge=sum"],
        ["encoder=rnn"],
    ]


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc", "gp"])
def test_a_search_that_was_killed_goes_on_as_if_it_had_not_been(
    make_search: MakeSearch, tmp_path: Path, sampler: str
) -> None:
    params = {"n_startup_trials": 3} if sampler in {"tpe", "gp"} else {}
    common = {"objective": score, "n_trials": 9, "sampler": sampler, "sampler_params": params}
    whole = make_search(*WORDS, folder=tmp_path / "whole", **common)
    whole.run()
    broken = tmp_path / "broken"
    first = make_search(*WORDS, folder=broken, **common)
    first.launch = _killed_after(5, first.launch)
    with pytest.raises(KeyboardInterrupt):
        first.run()
    left = read_plan(broken).trials
    assert [one.number for one in left] == [0, 1, 2, 3, 4, 5]
    write_trials(broken, score)(left[-1:])  # a sweeper runs what is open first
    second = make_search(*WORDS, folder=broken, **common)
    second.run()
    assert points(second) == points(whole)
    rebuilt = study_of(broken)
    assert [one.params for one in rebuilt.trials[-3:]] == [
        one.params for one in whole.study.trials[-3:]
    ]


def test_a_genetic_search_that_goes_on_is_in_the_generation_it_was(
    make_search: MakeSearch,
) -> None:
    common = {"objective": score, "sampler": "nsgaii", "sampler_params": {"population_size": 4}}
    make_search(*WORDS, n_trials=5, **common).run()
    search = make_search(*WORDS, n_trials=9, **common)
    search.run()
    generations = [max(one.system_attrs.values()) for one in search.study.trials]
    assert generations == sorted(generations)
    assert set(generations) == {0, 1, 2}


def _killed_after(number: int, launch: Callable[..., None]) -> Callable[..., None]:
    def launch_or_die(planned: Sequence[PlannedTrial]) -> None:
        if planned[0].number >= number:
            raise KeyboardInterrupt
        launch(planned)

    return launch_or_die


def test_as_many_points_are_asked_at_once_as_there_is_room_for(make_search: MakeSearch) -> None:
    sizes: list[int] = []
    search = make_search(*WORDS, "seed=1,2", n_trials=5, at_once=4, objective=score)
    write = search.launch

    def launch(planned: Sequence[PlannedTrial]) -> None:
        sizes.append(len(planned))
        write(planned)

    search.launch = launch
    search.run()
    assert sizes == [4, 4, 2]


def test_a_search_finds_what_is_good(make_search: MakeSearch) -> None:
    search = make_search(*WORDS, n_trials=30, objective=score)
    search.run()
    assert search.study.best_value > 0.999
    assert search.study.best_params["encoder"] == "bilstm"


def test_several_objectives(make_search: MakeSearch) -> None:
    objectives = {"val/f1": "maximize", "parameters": "minimize"}
    search = make_search(*WORDS, n_trials=6, objectives=objectives, objective=score)
    search.run()
    assert [len(trial.values) for trial in search.study.trials] == [2] * 6
    assert all(trial.values[1] == 7 for trial in search.study.trials)
    assert [one.values for one in study_of(search.plan.folder).trials] == [
        one.values for one in search.study.trials
    ]


def test_an_objective_that_no_record_has_is_refused(make_search: MakeSearch) -> None:
    search = make_search(*WORDS, n_trials=6, objectives={"val/f2": "maximize"})
    with pytest.raises(ConfigError, match=r"trial 0 does not have val/f2\. Did you mean"):
        search.run()


def test_points_that_fail_are_told_so(make_search: MakeSearch, tmp_path: Path) -> None:
    def fail(planned: Sequence[PlannedTrial]) -> None:
        for one in planned:
            write_trial(tmp_path / "sweep" / str(one.number), 0.0, state="failed")

    search = make_search(*WORDS, n_trials=3, launch=fail)
    search.run()
    assert [one.state for one in search.study.trials] == [TrialState.FAIL] * 3
    assert len(search.plan.trials) == 3


def test_what_a_pruned_point_reported_is_told(make_search: MakeSearch, tmp_path: Path) -> None:
    def prune(planned: Sequence[PlannedTrial]) -> None:
        for one in planned:
            folder = tmp_path / "sweep" / str(one.number)
            write_trial(folder, 0.0, curve=[0.1], losses=[3.0, 2.0], state="pruned")

    search = make_search(*WORDS, n_trials=2, launch=prune, objectives={"val/loss": "minimize"})
    search.run()
    assert [one.intermediate_values for one in search.study.trials] == [{1: 3.0, 2: 2.0}] * 2
    assert [one.value for one in search.study.trials] == [2.0] * 2  # as Optuna has it


def test_the_plan_says_how_many_trials_there_will_be(make_search: MakeSearch) -> None:
    search = make_search(*WORDS, "seed=1,2", n_trials=3)
    expected: list[int] = []
    write = search.launch

    def launch(planned: Sequence[PlannedTrial]) -> None:
        expected.append(read_plan(search.plan.folder).expected)
        write(planned)

    search.launch = launch
    search.run()
    assert expected == [6] * 3
    make_search(*WORDS, "seed=1,2", n_trials=4).run()  # it goes on for longer
    assert read_plan(search.plan.folder).expected == 8


def test_there_are_no_more_trials_than_points(make_search: MakeSearch) -> None:
    search = make_search("encoder=rnn,bilstm", "encoder.merge=sum,concat", at_once=4)
    search.run()
    assert search.plan.expected == len(search.plan.trials) == 3


def test_a_direction_against_that_of_the_metric_is_told(
    make_search: MakeSearch, caplog: pytest.LogCaptureFixture
) -> None:
    make_search(*WORDS, n_trials=2, objectives={"val/f1": "minimize"}, objective=score).run()
    (message,) = [one.getMessage() for one in caplog.records if "objectives" in one.getMessage()]
    assert message.startswith("hydra.sweeper.objectives: val/f1 is minimized, but higher values")
