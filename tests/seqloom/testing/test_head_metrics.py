"""The checks of metrics catch a head whose metrics break a promise, and say how."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from seqloom.interfaces import Encoded, Head, HeadMetric, Mode, Prediction, Table, Targets
from seqloom.testing import ConformanceError, HeadCase
from seqloom.testing import head_metrics as metrics
from seqloom.testing.subjects import Subject, find

from .sound_head import Accuracy, Sound, case_of


class WatchesNothing(Sound):
    monitor = "f1"


class MeanOfBatches(Accuracy):
    def update(self, predictions: list[Prediction], targets: Targets) -> None:
        before = self.right.clone()
        super().update(predictions, targets)
        self.right = before + (self.right - before) // len(targets)


class Undirected(Accuracy):
    modes: Mapping[str, Mode] = {}


class NoModes(Sound):
    def metrics(self) -> HeadMetric:
        return Undirected(self.codec.labels)


class BadMetric(Sound):
    def metrics(self) -> HeadMetric:
        return MeanOfBatches(self.codec.labels)


class Remembering(Accuracy):
    """Counts in an attribute, which ``reset`` does not know."""

    seen = 0

    def update(self, predictions: list[Prediction], targets: Targets) -> None:
        super().update(predictions, targets)
        self.seen += len(predictions)

    def compute(self) -> dict[str, Tensor]:
        return {"accuracy": self.right / self.seen}


class NotReset(Sound):
    def metrics(self) -> HeadMetric:
        return Remembering(self.codec.labels)


class LocalAccuracy(Accuracy):
    """Knows nothing of other ranks."""

    def __init__(self, labels: Sequence[str]) -> None:
        super().__init__(labels)
        self._to_sync = False


class LocalMetric(Sound):
    def metrics(self) -> HeadMetric:
        return LocalAccuracy(self.codec.labels)


class MeanOfRanks(Accuracy):
    def __init__(self, labels: Sequence[str]) -> None:
        super().__init__(labels)
        self.add_state("shares", torch.tensor(0.0), dist_reduce_fx="mean")

    def compute(self) -> dict[str, Tensor]:
        return {"accuracy": self.shares}

    def update(self, predictions: list[Prediction], targets: Targets) -> None:
        super().update(predictions, targets)
        self.shares = self.right / self.count


class MeanMetric(Sound):
    def metrics(self) -> HeadMetric:
        return MeanOfRanks(self.codec.labels)


class Sure(Accuracy):
    """Counts only what the head is confident of."""

    def update(self, predictions: list[Prediction], targets: Targets) -> None:
        sure = [
            {"label": "?", **one} if "confidence" in one else {"label": ""} for one in predictions
        ]
        super().update(sure, targets)


class NeedsConfidences(Sound):
    def decode(
        self, outputs: Any, encoded: Encoded, *, scores: bool = True, **_: Any
    ) -> list[Prediction]:
        found = super().decode(outputs, encoded)
        return found if scores else [{"label": one["label"]} for one in found]

    def metrics(self) -> HeadMetric:
        return Sure(self.codec.labels)


class NamelessInHaste(Accuracy):
    """Has no accuracy of a batch without confidences."""

    seen = True

    def update(self, predictions: list[Prediction], targets: Targets) -> None:
        self.seen = "confidence" in predictions[0]
        super().update(predictions, targets)

    def compute(self) -> dict[str, Tensor]:
        return super().compute() if self.seen else {}


class WatchesConfidences(NeedsConfidences):
    def metrics(self) -> HeadMetric:
        return NamelessInHaste(self.codec.labels)


class Always(Accuracy):
    def compute(self) -> dict[str, Tensor]:
        return {"accuracy": torch.tensor(1.0)}


class ConstantMetric(Sound):
    def metrics(self) -> HeadMetric:
        return Always(self.codec.labels)


class Inaccuracy(Accuracy):
    modes: Mapping[str, Mode] = {"accuracy": "min"}


class Reversed(Sound):
    def metrics(self) -> HeadMetric:
        return Inaccuracy(self.codec.labels)


class OwnCount(Accuracy):
    """Tells of the examples of its own rank."""

    seen = 0

    def update(self, predictions: list[Prediction], targets: Targets) -> None:
        super().update(predictions, targets)
        self.seen += len(predictions)

    def details(self) -> list[Any]:
        return [Table("Seen", ("examples",), [(self.seen,)])]


class LocalDetails(Sound):
    def metrics(self) -> HeadMetric:
        return OwnCount(self.codec.labels)


BROKEN: list[tuple[Any, type[Head], str]] = [
    (metrics.check_metrics, WatchesNothing, r"monitor is 'f1'; compute\(\) returns \['accuracy'\]"),
    (metrics.check_metrics, NoModes, r"modes has no entry for \['accuracy'\], which compute\(\)"),
    (metrics.check_metrics, BadMetric, "accuracy, example by example: differ by"),
    (metrics.check_metrics, NotReset, r"accuracy after reset\(\): differ by"),
    (metrics.check_metrics_on_ranks, LocalMetric, r"accuracy on rank \d of two with 1 and 3"),
    (metrics.check_metrics_on_ranks, MeanMetric, "accuracy on rank 0 of two"),
    (metrics.check_metrics, NeedsConfidences, r"accuracy after decode\(scores=False\): differ by"),
    (
        metrics.check_metrics,
        WatchesConfidences,
        r"no accuracy after .*; compute\(\) returns \[\]",
    ),
    (metrics.check_metrics, ConstantMetric, "accuracy is 1 if every .* is right and 1 if"),
    (
        metrics.check_metrics,
        Reversed,
        "is right and 0 .*; expected lower, as its mode is 'min'",
    ),
    (metrics.check_metrics_on_ranks, LocalDetails, r"details\(\) on rank \d of two with 1 and 3"),
]


@pytest.mark.parametrize(
    ("check", "broken", "complaint"), BROKEN, ids=[one.__name__ for _, one, _ in BROKEN]
)
def test_a_broken_head_is_caught(
    check: Callable[[HeadCase], None], broken: type[Head], complaint: str
) -> None:
    with pytest.raises(ConformanceError, match=complaint):
        check(case_of(broken))


def test_a_metric_of_texts_is_judged_by_texts_that_were_read() -> None:
    with Subject(find("head=ctc")).case() as case:
        metrics.check_metrics(case)
        wrong = type("Wrong", (case.cls,), {"mode": "max"})
        with pytest.raises(ConformanceError, match="cer is 0 if every prediction is right"):
            metrics.check_metrics(replace(case, cls=wrong))


def test_no_metric_is_judged_where_targets_are_unknown() -> None:
    metrics.check_metrics(replace(case_of(Reversed), kind="mood"))


class WatchesLoss(Sound):
    monitor = "loss"


def test_a_head_that_is_judged_by_its_loss_needs_no_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[HeadCase] = []
    monkeypatch.setattr(metrics, "_require_judges", lambda case, *_: judged.append(case))
    for head in (WatchesLoss, Sound):
        metrics.check_metrics(case_of(head))
    assert [case.cls for case in judged] == [Sound]


def test_ranks_that_compute_other_metrics_are_told() -> None:
    with pytest.raises(ConformanceError, match=r"rank 1: metrics \['a'\], expected \['a', 'b'\]"):
        metrics._require_same({"a": torch.ones(1)}, dict.fromkeys("ab", torch.ones(1)), "rank 1")
