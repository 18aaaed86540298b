"""Which trials repeat one another, and by what two points are paired."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqloom.errors import ConfigError
from seqloom.sweep.points import ABSENT, differing_keys, grouped, paired
from seqloom.sweep.trials import read_trials

from .conftest import AddTrial


def test_seeds_are_repetitions_of_a_point(sweep: Path, add: AddTrial) -> None:
    for seed in (1, 2):
        add("encoder=rnn", "trainer=cpu", val=0.5, seed=seed)
        add("encoder=bilstm", "encoder.merge=sum", "trainer=cpu", val=0.5, seed=seed)
    trials = read_trials(sweep)
    assert differing_keys(trials) == ["encoder", "encoder.merge"]
    rnn, bilstm = grouped(trials)
    assert rnn.values == {"encoder": "rnn", "encoder.merge": ABSENT}
    assert bilstm.values == {"encoder": "bilstm", "encoder.merge": "sum"}
    assert [trial.number for trial in rnn.trials] == [0, 2]
    assert (rnn.name, bilstm.name) == ("encoder=rnn", "encoder=bilstm encoder.merge=sum")


def test_the_only_point_has_no_key(sweep: Path, add: AddTrial) -> None:
    add("encoder=rnn", val=0.5)
    add("encoder=rnn", val=0.5, seed=2)
    (group,) = grouped(read_trials(sweep))
    assert (group.values, group.name, group.points) == ({}, "all", 1)


def test_a_trial_that_repeats_another_in_all_counts_once(sweep: Path, add: AddTrial) -> None:
    add("encoder=rnn", val=0.5)
    add("encoder=rnn", val=0.75)
    (group,) = grouped(read_trials(sweep))
    assert [*group.samples("val", "f1").values()] == [0.75]


def test_groups_pool_all_other_keys(sweep: Path, add: AddTrial) -> None:
    for encoder in ("rnn", "lstm"):
        for size in (8, 16):
            add(f"encoder={encoder}", f"encoder.hidden_size={size}", val=size / 100)
    rnn, lstm = grouped(read_trials(sweep), ["encoder"])
    assert (rnn.values, rnn.points, len(rnn.trials)) == ({"encoder": "rnn"}, 2, 2)
    assert paired(rnn, lstm, "val", "f1") == [(0.08, 0.08), (0.16, 0.16)]


def test_pairs_are_of_the_seeds_that_both_have(sweep: Path, add: AddTrial) -> None:
    for seed, value in ((3, 0.3), (1, 0.1), (2, 0.2)):
        add("encoder=rnn", val=value, seed=seed)
    for seed, value in ((2, 0.6), (3, 0.9), (4, 0.5)):
        add("encoder=lstm", val=value, seed=seed)
    add("encoder=lstm", val=0.7, seed=1, state="failed")
    rnn, lstm = grouped(read_trials(sweep))
    assert sorted(paired(rnn, lstm, "val", "f1")) == [(0.2, 0.6), (0.3, 0.9)]


def test_a_key_that_one_group_lacks_is_averaged_out(sweep: Path, add: AddTrial) -> None:
    add("encoder=rnn", "optimizer.lr=1", val=0.25)
    add("encoder=bilstm", "optimizer.lr=1", "encoder.merge=sum", val=0.5)
    add("encoder=bilstm", "optimizer.lr=1", "encoder.merge=concat", val=1.0)
    rnn, bilstm = grouped(read_trials(sweep), ["encoder"])
    assert paired(bilstm, rnn, "val", "f1") == [(0.75, 0.25)]


def test_an_unknown_key_and_the_seed_are_refused(sweep: Path, add: AddTrial) -> None:
    add("encoder=rnn", val=0.5)
    trials = read_trials(sweep)
    with pytest.raises(ConfigError, match=r"No trial sets 'encodr'\. Did you mean 'encoder'\?"):
        grouped(trials, ["encodr"])
    with pytest.raises(ConfigError, match=r"cannot be grouped by seed"):
        grouped(trials, ["seed"])
