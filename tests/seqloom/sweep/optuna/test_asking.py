"""Points are made of choices first, then of what applies to them."""

from __future__ import annotations

import pytest
from optuna.samplers import RandomSampler

from seqloom.errors import ConfigError
from seqloom.sweep.applicable import Applicable
from seqloom.sweep.optuna.asking import Asked, Asker
from seqloom.sweep.optuna.memory import study_in_memory

from .conftest import Read

WORDS = ("encoder=rnn,bilstm", "encoder.merge=sum,concat", "optimizer.lr=interval(0,1)")


def ask(asker: Asker, number: int, seed: int = 1) -> list[Asked]:
    study = study_in_memory(["maximize"])
    study.sampler = RandomSampler(seed)
    return [asker.ask(study) for _ in range(number)]


def test_a_key_is_searched_only_where_it_applies(read: Read, applicable: Applicable) -> None:
    points = ask(Asker(read(*WORDS), applicable), 8)
    assert {one.trial.params["encoder"] for one in points} == {"rnn", "bilstm"}
    for one in points:
        params = one.trial.params
        assert ("encoder.merge" in params) == (params["encoder"] == "bilstm")
        assert {word.partition("=")[0] for word in one.point} == set(params)
        (lr,) = (word for word in one.point if word.startswith("optimizer.lr="))
        assert float(lr.partition("=")[2]) == pytest.approx(params["optimizer.lr"], rel=1e-4)


def test_a_fixed_key_is_left_out_where_it_does_not_apply(
    read: Read, applicable: Applicable
) -> None:
    points = ask(Asker(read("encoder=rnn,bilstm", "encoder.merge=sum"), applicable), 5)
    assert {one.point for one in points} == {
        ("encoder=rnn",),
        ("encoder.merge=sum", "encoder=bilstm"),
    }


def test_a_float_has_no_more_digits_than_one_can_read(read: Read, applicable: Applicable) -> None:
    points = ask(Asker(read("head.dropout=range(0.0,0.81,0.1)"), applicable), 6)
    assert {one.point for one in points} <= {(f"head.dropout={i / 10:g}",) for i in range(9)}


def test_the_same_seed_asks_for_the_same_points(read: Read, applicable: Applicable) -> None:
    asker = Asker(read(*WORDS), applicable)
    first, second, other = ask(asker, 3), ask(asker, 3), ask(asker, 3, seed=2)
    assert [one.point for one in first] == [one.point for one in second]
    assert [one.point for one in first] != [one.point for one in other]


def test_a_key_that_applies_to_no_point_was_mistyped(read: Read, applicable: Applicable) -> None:
    Asker(read(*WORDS), applicable).refuse_useless()
    with pytest.raises(ConfigError, match="mrege"):
        Asker(read("encoder=rnn,gru", "encoder.mrege=1,2"), applicable).refuse_useless()
    with pytest.raises(ConfigError, match="merge"):
        Asker(read("encoder=rnn,gru", "encoder.merge=sum,concat"), applicable).refuse_useless()


def test_a_value_that_its_key_does_not_take_ends_the_search(
    read: Read, applicable: Applicable
) -> None:
    with pytest.raises(ConfigError, match="hidden_size"):
        ask(Asker(read("encoder.hidden_size=big,huge"), applicable), 1)
