"""Classes that no training example has: misses in evaluation."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from seqloom.errors import ExampleError
from seqloom.interfaces import Matrix, Table, Targets
from seqloom_classification.head import ClassificationHead


def test_single_labels(fit: Any, example: Any, encode: Any) -> None:
    codec = fit(["ham", "spam"])
    with pytest.raises(ExampleError, match="'eggs' is in no training example"):
        codec.encode(example("eggs"))
    target = torch.stack(
        [torch.tensor(codec.encode_truth(example(one))["target"]) for one in ("eggs", "ham")]
    )
    assert target.tolist() == [2, 0]
    head = ClassificationHead(codec, 3, features_size=3).eval()
    targets = Targets({"target": target}, {}, ["a", "b"])
    assert head.undefined(targets).tolist() == [True, False]
    states = torch.randn(2, 4, 3)
    losses = head.loss(head(encode(states, [4, 4])), targets).detach()
    alone = Targets({"target": target[1:]}, {}, ["b"])
    expected = head.loss(head(encode(states[1:], [4])), alone).detach()
    assert losses[1] == pytest.approx(float(expected[0]))
    metric = head.metrics()
    metric.update([{"label": "ham"}, {"label": "ham"}], targets)
    scores = metric.compute()
    assert float(scores["accuracy"]) == 0.5
    assert float(scores["f1_macro"]) == pytest.approx((2 / 3 + 0) / 2)
    table, matrix = metric.details()
    assert isinstance(table, Table)
    assert [[row[0], row[2], row[4]] for row in table.rows] == [
        ["ham", 1.0, 1],
        ["spam", 0.0, 0],
        ["eggs", 0.0, 1],
    ]
    assert isinstance(matrix, Matrix)
    assert list(matrix.labels) == ["ham", "spam", "eggs"]
    assert matrix.counts[2] == [1, 0, 0]


def test_sets_of_labels(fit: Any, example: Any, encode: Any) -> None:
    codec = fit([["ham"], ["spam"]], multi_label=True)
    first = codec.encode(example(["ham"]))["target"].tolist()
    second = codec.encode_truth(example(["eggs", "ham"]))["target"].tolist()
    assert (first, second) == ([1, 0], [1, 0, 1])
    target = torch.tensor([[*first, 0], second])  # as a batch pads them
    targets = Targets({"target": target}, {"target": torch.tensor([2, 3])}, ["a", "b"])
    head = ClassificationHead(codec, 3, features_size=3, multi_label=True).eval()
    assert head.undefined(targets).tolist() == [False, True]
    assert head.loss(head(encode(torch.randn(2, 4, 3), [4, 4])), targets).shape == (2,)
    metric = head.metrics()
    metric.update([{"labels": ["ham"]}, {"labels": ["ham"]}], targets)
    narrow = Targets({"target": torch.tensor([first])}, {"target": torch.tensor([2])}, ["c"])
    assert head.undefined(narrow).tolist() == [False]
    metric.update([{"labels": ["ham"]}], narrow)
    scores = {name: float(value) for name, value in metric.compute().items()}
    assert scores["f1_micro"] == pytest.approx(6 / 7)
    assert scores["f1_macro"] == pytest.approx(1 / 2)
    assert scores["exact_match"] == pytest.approx(2 / 3)
    assert not math.isnan(scores["f1_macro"])
    assert [row[0] for row in metric.details()[0].rows] == ["ham", "spam", "eggs"]
