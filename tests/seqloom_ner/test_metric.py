"""The oracle is seqeval, mode strict, scheme IOB2."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from seqeval.metrics import accuracy_score, f1_score, precision_score, recall_score
from seqeval.scheme import IOB2

from seqloom_ner.metric import SpanF1
from seqloom_ner.schemes import Scheme, parse_all, problems
from seqloom_ner.spans import tag_names

NAMES = tag_names(["LOC", "PER", "Z-z"])


def legal(tags: list[str]) -> list[str]:
    """The tags with each illegal I- made a B-."""
    wrong = {position for position, _ in problems(parse_all(tags), Scheme.iob2)}
    return [f"B{tag[1:]}" if n in wrong else tag for n, tag in enumerate(tags)]


pairs = st.lists(
    st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), min_size=1, max_size=8),
    min_size=1,
    max_size=5,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pairs, st.integers(1, 4))
def test_scores_are_those_of_seqeval(
    fit: Any, batch_of: Any, sentences: list[list[tuple[str, str]]], split: int
) -> None:
    codec = fit(["B-LOC", "B-PER", "B-Z-z"])
    gold = [legal([tag for tag, _ in row]) for row in sentences]
    guess = [[tag for _, tag in row] for row in sentences]
    metric = SpanF1(codec.tags)
    for part in (slice(split), slice(split, None)):
        if gold[part]:
            metric.update([{"tags": tags} for tags in guess[part]], batch_of(codec, gold[part]))
    scores = {name: value.item() for name, value in metric.compute().items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        strict = {"mode": "strict", "scheme": IOB2, "zero_division": 0}
        assert scores["f1"] == pytest.approx(f1_score(gold, guess, **strict))
        assert scores["precision"] == pytest.approx(precision_score(gold, guess, **strict))
        assert scores["recall"] == pytest.approx(recall_score(gold, guess, **strict))
        if metric.gold.sum() + metric.predicted.sum():
            macro = f1_score(gold, guess, average="macro", **strict)
            assert scores["f1_macro"] == pytest.approx(macro)
    assert scores["token_accuracy"] == pytest.approx(accuracy_score(gold, guess))
    broken = sum(len(list(problems(parse_all(tags), Scheme.iob2))) for tags in guess)
    assert scores["ill_formed"] == broken


def test_nothing_to_find_gives_zero_not_nan(fit: Any, batch_of: Any) -> None:
    codec = fit(["O"])
    metric = SpanF1(codec.tags)
    metric.update([{"tags": ["O", "O"]}], batch_of(codec, [["O", "O"]]))
    scores = {name: value.item() for name, value in metric.compute().items()}
    assert (scores["f1"], scores["f1_macro"], scores["token_accuracy"]) == (0.0, 0.0, 1.0)


def test_details_has_a_row_for_each_type(codec: Any, batch_of: Any) -> None:
    metric = SpanF1(codec.tags)
    batch = batch_of(codec, [["B-PER", "I-PER", "O"], ["B-LOC"]])
    metric.update([{"tags": ["B-PER", "I-PER", "B-LOC"]}, {"tags": ["B-LOC"]}], batch)
    (table,) = metric.details()
    assert table.title == "Scores by type (strict IOB2)"
    assert table.columns == ("type", "precision", "recall", "f1", "gold", "predicted", "right")
    assert table.rows == [["LOC", 0.5, 1.0, 0.6667, 1, 2, 1], ["PER", 1.0, 1.0, 1.0, 1, 1, 1]]


def test_states_are_summed_over_devices_and_reset(codec: Any, batch_of: Any) -> None:
    metric = SpanF1(codec.tags)
    assert {function.__name__ for function in metric._reductions.values()} == {"dim_zero_sum"}
    metric.update([{"tags": ["B-LOC"]}], batch_of(codec, [["B-LOC"]]))
    metric.reset()
    assert int(metric.tokens) == int(metric.found.sum()) == 0
