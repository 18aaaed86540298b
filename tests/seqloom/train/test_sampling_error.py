"""The sampling error of a metric, against the formulas that some metrics have."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from seqloom.interfaces import Targets
from seqloom.interfaces.metric import HeadMetric
from seqloom.train.sampling_error import SamplingError


class Accuracy(HeadMetric):
    """The share of right predictions."""

    modes = {"accuracy": "max"}  # noqa: RUF012
    right: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("right", "count"):
            self.add_state(name, torch.zeros(()), dist_reduce_fx="sum")

    def update(self, predictions: Sequence[Any], targets: Targets) -> None:
        found = torch.tensor([one["label"] for one in predictions])
        self.right += (found == targets["label"]).sum()
        self.count += len(predictions)

    def compute(self) -> dict[str, Tensor]:
        return {"accuracy": self.right / self.count}


def batches(count: int, size: int) -> list[tuple[list[Any], Targets]]:
    """Return predictions of which four in five are right, and their targets."""
    torch.manual_seed(0)
    right = (torch.rand(count) < 0.8).long()
    made = []
    for start in range(0, count, size):
        part = right[start : start + size]
        ids = [f"{start + i}" for i in range(len(part))]
        targets = Targets({"label": torch.ones(len(part), dtype=torch.long)}, {}, ids)
        made.append(([{"label": int(one)} for one in part], targets))
    return made


def error(count: int, size: int) -> float:
    found = SamplingError(Accuracy)
    for predictions, targets in batches(count, size):
        found.update(predictions, targets)
    return found.compute()["accuracy"]


def test_it_is_that_of_a_proportion() -> None:
    right = sum(one["label"] for made, _ in batches(2000, 50) for one in made) / 2000
    assert error(2000, 50) == pytest.approx(math.sqrt(right * (1 - right) / 2000), rel=0.35)


def test_it_does_not_depend_on_the_batches() -> None:
    assert error(300, 7) == pytest.approx(error(300, 300))


def test_a_few_examples_have_none() -> None:
    found = SamplingError(Accuracy)
    ((predictions, targets),) = batches(3, 3)
    found.update(predictions, targets)
    assert found.compute() == {}
