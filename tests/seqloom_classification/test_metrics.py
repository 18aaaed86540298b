from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchmetrics.functional.classification import (
    multiclass_accuracy,
    multiclass_f1_score,
    multilabel_exact_match,
    multilabel_f1_score,
)

from seqloom.interfaces import Matrix, Table, Targets
from seqloom_classification.metrics import LabelMetrics, LabelSetMetrics

CLASSES = ["a", "b", "c", "d"]
labels = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40)
hot = st.lists(st.integers(0, 1), min_size=4, max_size=4)


def _named(numbers: Sequence[int]) -> list[dict[str, str]]:
    return [{"label": CLASSES[i]} for i in numbers]


def _batch(target: Tensor) -> Targets:
    return Targets({"target": target}, {}, [str(i) for i in range(len(target))])


@settings(max_examples=60, deadline=None)
@given(pairs=labels, cut=st.integers(0, 40))
def test_equals_torchmetrics(pairs: list[tuple[int, int]], cut: int) -> None:
    metric = LabelMetrics(CLASSES)
    for part in (pairs[:cut], pairs[cut:]):
        truth = torch.tensor([t for t, _ in part], dtype=torch.long)
        metric.update(_named([p for _, p in part]), _batch(truth))
    found = metric.compute()
    truth, predicted = torch.tensor(pairs).T
    accuracy = multiclass_accuracy(predicted, truth, 4, average="micro")
    macro = multiclass_f1_score(predicted, truth, 4, average="macro")
    torch.testing.assert_close(found["accuracy"], accuracy)
    torch.testing.assert_close(found["f1_macro"], macro)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(hot, hot), min_size=1, max_size=20))
def test_sets_equal_torchmetrics(rows: list[tuple[list[int], list[int]]]) -> None:
    metric = LabelSetMetrics(CLASSES)
    for true, chosen in rows:
        prediction = {"labels": [c for c, on in zip(CLASSES, chosen, strict=True) if on]}
        metric.update([prediction], _batch(torch.tensor([true], dtype=torch.float32)))
    found = metric.compute()
    truth = torch.tensor([t for t, _ in rows])
    predicted = torch.tensor([p for _, p in rows])
    exact = multilabel_exact_match(predicted, truth, 4)
    by_class = multilabel_f1_score(predicted, truth, 4, average=None)
    there = (truth + predicted).sum(0) > 0
    macro = by_class[there].mean() if there.any() else torch.tensor(0.0)
    torch.testing.assert_close(
        found["f1_micro"], multilabel_f1_score(predicted, truth, 4, average="micro")
    )
    torch.testing.assert_close(found["f1_macro"], macro)
    torch.testing.assert_close(found["exact_match"], exact)


def test_figures_by_hand() -> None:
    metric = LabelMetrics(CLASSES)
    metric.update(_named([0, 0, 1, 1]), _batch(torch.tensor([0, 1, 1, 2])))
    found = {name: value.item() for name, value in metric.compute().items()}
    # F1: a 2/3, b 2/4, c 0; d occurs nowhere and does not count.
    assert found == pytest.approx({"accuracy": 0.5, "f1_macro": (2 / 3 + 1 / 2 + 0) / 3})
    assert metric.notes() == [
        "the accuracy of 0.5000 is not above 0.5000, that of the most frequent class, 'b': nothing "
        "useful was learned. Train for longer (budget.min_steps), change optimizer.lr, or check "
        "the labels."
    ]
    table, matrix = metric.details()
    assert isinstance(table, Table)
    assert isinstance(matrix, Matrix)
    assert table.columns == ("class", "precision", "recall", "f1", "count")
    assert table.rows[1] == pytest.approx(("b", 0.5, 0.5, 0.5, 2))
    assert table.rows[3] == ("d", 0.0, 0.0, 0.0, 0)
    assert matrix.counts == [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    assert matrix.labels == CLASSES


def test_table_of_sets_by_hand() -> None:
    metric = LabelSetMetrics(["x", "y"])
    metric.update(
        [{"labels": ["x", "y"]}, {"labels": []}], _batch(torch.tensor([[1.0, 0], [1, 0]]))
    )
    (table,) = metric.details()
    assert isinstance(table, Table)
    assert [tuple(row) for row in table.rows] == [
        ("x", 1.0, 0.5, pytest.approx(2 / 3), 2),
        ("y", 0.0, 0.0, 0.0, 0),
    ]


@pytest.mark.parametrize("kind", [LabelMetrics, LabelSetMetrics])
def test_states_are_sums(kind: type[LabelMetrics | LabelSetMetrics]) -> None:
    metric = kind(CLASSES)
    assert all(reduction.__name__ == "dim_zero_sum" for reduction in metric._reductions.values())
    assert all(not value.is_floating_point() for value in metric._defaults.values())


def test_reset_forgets() -> None:
    metric = LabelMetrics(CLASSES)
    metric.update(_named([1]), _batch(torch.tensor([1])))
    assert metric.compute()["accuracy"] == 1
    metric.reset()
    metric.update(_named([1]), _batch(torch.tensor([0])))
    assert metric.compute()["accuracy"] == 0


def test_a_model_that_is_better_than_the_majority_gets_no_note() -> None:
    metric = LabelMetrics(CLASSES)
    assert metric.notes() == []  # without examples
    metric.update(_named([0, 0, 0]), _batch(torch.tensor([0, 0, 0])))
    assert metric.notes() == []  # one class only
    metric.update(_named([1]), _batch(torch.tensor([1])))
    assert metric.notes() == []
