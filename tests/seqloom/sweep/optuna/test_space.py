"""Hydra's override grammar becomes Optuna's distributions, from which points are suggested."""

from __future__ import annotations

import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import RandomSampler

from seqloom.errors import ConfigError
from seqloom.sweep.optuna.space import Suggester, Suggestion
from seqloom.sweep.optuna.study import study_in_memory
from seqloom.sweep.override_filter import OverrideFilter

from .conftest import Read

WORDS = ("encoder=rnn,bilstm", "encoder.merge=sum,concat", "optimizer.lr=interval(0,1)")


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("encoder.merge=sum,concat", CategoricalDistribution(("sum", "concat"))),
        ("encoder.hidden_size=choice(8,16)", CategoricalDistribution(("8", "16"))),
        ("frontend.vectors=null,'a b'", CategoricalDistribution(("null", "'a b'"))),
        ("encoder.num_layers=range(1,4)", IntDistribution(1, 3)),
        ("encoder.hidden_size=range(32,257,32)", IntDistribution(32, 256, step=32)),
        ("encoder.hidden_size=range(256,0,-64)", IntDistribution(64, 256, step=64)),
        ("encoder.num_layers=tag(log,range(1,65))", IntDistribution(1, 64, log=True)),
        ("head.dropout=range(0.0,0.51,0.1)", FloatDistribution(0.0, 0.5, step=0.1)),
        ("optimizer.lr=interval(0.001,0.1)", FloatDistribution(0.001, 0.1)),
        ("optimizer.lr=tag(log,interval(1e-4,1e-1))", FloatDistribution(1e-4, 1e-1, log=True)),
        ("encoder.hidden_size=int(interval(8,64))", IntDistribution(8, 64)),
        (
            "encoder.hidden_size=tag(log,int(interval(8,64)))",
            IntDistribution(8, 64, log=True),
        ),
        ("+trainer.min_epochs=1,2", CategoricalDistribution(("1", "2"))),
    ],
)
def test_each_form_has_its_distribution(read: Read, word: str, expected: BaseDistribution) -> None:
    space = read(word)
    assert list(space.values.values()) == [expected]
    assert list(space.values) == [word.partition("=")[0]]
    assert not space.groups


def test_groups_come_apart_from_values_and_a_glob_means_their_options(read: Read) -> None:
    space = read("encoder=glob(bi*)", "encoder.merge=sum,concat", "head=ner")
    assert space.groups == {"encoder": CategoricalDistribution(("bigru", "bilstm", "birnn"))}
    assert list(space.values) == ["encoder.merge"]
    assert space.fixed == ["head=ner"]


def test_what_has_one_value_stays_as_it_was_given(read: Read) -> None:
    words = ["trainer.max_epochs=3", "freeze=[frontend]", "title='a, b'", "~callbacks.x"]
    assert read(*words, "+a=1", "encoder=rnn,gru").fixed == [*words, "+a=1"]


@pytest.mark.parametrize(
    ("word", "seeds"),
    [
        ("seed=1,2,2,3", ["seed=1", "seed=2", "seed=3"]),
        ("seed=range(2)", ["seed=0", "seed=1"]),
        ("seed=7", ["seed=7"]),
    ],
)
def test_seeds_repeat_and_are_not_searched(read: Read, word: str, seeds: list[str]) -> None:
    space = read("encoder=rnn,gru", word)
    assert space.seeds == seeds
    assert not space.values
    assert not space.fixed


def test_of_one_key_the_last_word_counts(read: Read) -> None:
    space = read("optimizer.lr=interval(0,1)", "encoder=rnn,gru", "optimizer.lr=0.5")
    assert space.fixed == ["optimizer.lr=0.5"]
    assert not space.values


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["seed=interval(0,1)"], "repetitions of each point; list them"),
        (["optimizer.lr=tag(lgo,interval(1,2))"], "unknown tag 'lgo'. Did you mean 'log'"),
        (["optimizer.lr=tag(log,interval(0,1))"], "optimizer.lr=tag.*cannot be searched"),
        (["optimizer.lr=interval(1,0)"], "the interval is empty"),
        (["optimizer.lr=interval(0,inf)"], "both bounds must be finite numbers"),
        (["optimizer.lr=interval(nan,1)"], "both bounds must be finite numbers"),
        (["optimizer.lr=interval(-1e308,1e308)"], "both bounds must be finite numbers"),
        (["encoder.num_layers=range(3,3)"], "the range is empty"),
        (["encoder.num_layers=tag(log,range(1,9,2))"], "cannot be searched"),
        (["encoder.num_layers=tag(log,choice(1,2))"], "no logarithmic scale"),
        (["seed=1,2", "encoder=rnn"], "nothing to search"),
    ],
)
def test_what_cannot_be_searched_is_refused(read: Read, words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(*words)


def suggest(suggester: Suggester, number: int, seed: int = 1) -> list[Suggestion]:
    study = study_in_memory(["maximize"])
    study.sampler = RandomSampler(seed)
    return [suggester.suggest(study) for _ in range(number)]


def test_a_key_is_searched_only_where_it_applies(
    read: Read, override_filter: OverrideFilter
) -> None:
    points = suggest(Suggester(read(*WORDS), override_filter), 8)
    assert {one.trial.params["encoder"] for one in points} == {"rnn", "bilstm"}
    for one in points:
        params = one.trial.params
        assert ("encoder.merge" in params) == (params["encoder"] == "bilstm")
        assert {word.partition("=")[0] for word in one.point} == set(params)
        (lr,) = (word for word in one.point if word.startswith("optimizer.lr="))
        assert float(lr.partition("=")[2]) == pytest.approx(params["optimizer.lr"], rel=1e-4)


def test_a_fixed_key_is_dropped_where_it_does_not_apply(
    read: Read, override_filter: OverrideFilter
) -> None:
    points = suggest(Suggester(read("encoder=rnn,bilstm", "encoder.merge=sum"), override_filter), 5)
    assert {one.point for one in points} == {
        ("encoder=rnn",),
        ("encoder.merge=sum", "encoder=bilstm"),
    }


def test_a_float_has_no_more_digits_than_one_can_read(
    read: Read, override_filter: OverrideFilter
) -> None:
    points = suggest(Suggester(read("head.dropout=range(0.0,0.81,0.1)"), override_filter), 6)
    assert {one.point for one in points} <= {(f"head.dropout={i / 10:g}",) for i in range(9)}


def test_the_same_seed_suggests_the_same_points(
    read: Read, override_filter: OverrideFilter
) -> None:
    suggester = Suggester(read(*WORDS), override_filter)
    first, second, other = (
        suggest(suggester, 3),
        suggest(suggester, 3),
        suggest(suggester, 3, seed=2),
    )
    assert [one.point for one in first] == [one.point for one in second]
    assert [one.point for one in first] != [one.point for one in other]


def test_a_key_that_applies_to_no_point_was_mistyped(
    read: Read, override_filter: OverrideFilter
) -> None:
    Suggester(read(*WORDS), override_filter).refuse_unused()
    with pytest.raises(ConfigError, match="mrege"):
        Suggester(read("encoder=rnn,gru", "encoder.mrege=1,2"), override_filter).refuse_unused()
    with pytest.raises(ConfigError, match="merge"):
        Suggester(
            read("encoder=rnn,gru", "encoder.merge=sum,concat"), override_filter
        ).refuse_unused()


def test_a_value_that_its_key_does_not_take_ends_the_search(
    read: Read, override_filter: OverrideFilter
) -> None:
    with pytest.raises(ConfigError, match="hidden_size"):
        suggest(Suggester(read("encoder.hidden_size=big,huge"), override_filter), 1)
