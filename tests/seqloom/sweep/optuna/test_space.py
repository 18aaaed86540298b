"""Hydra's override grammar becomes Optuna's distributions."""

from __future__ import annotations

import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from seqloom.errors import ConfigError

from .conftest import Read


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
        (["seed=interval(0,1)"], "never searched; name them"),
        (["optimizer.lr=tag(lgo,interval(1,2))"], "unknown tag 'lgo'. Did you mean 'log'"),
        (["optimizer.lr=tag(log,interval(0,1))"], "optimizer.lr=tag.*cannot be searched"),
        (["optimizer.lr=interval(1,0)"], "the interval is empty"),
        (["encoder.num_layers=range(3,3)"], "the range is empty"),
        (["encoder.num_layers=tag(log,range(1,9,2))"], "cannot be searched"),
        (["encoder.num_layers=tag(log,choice(1,2))"], "no logarithmic scale"),
        (["seed=1,2", "encoder=rnn"], "nothing to search"),
    ],
)
def test_what_cannot_be_searched_is_refused(read: Read, words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(*words)
