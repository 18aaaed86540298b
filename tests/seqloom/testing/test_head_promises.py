"""Heads that break what a check of another name promises besides are caught as well."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqloom.interfaces import (
    Encoded,
    Example,
    Head,
    HeadMetric,
    Prediction,
    SequenceBatch,
    Table,
)
from seqloom.plugins import registry
from seqloom.testing import ConformanceError, HeadCase, examples
from seqloom.testing import head_metrics as metrics
from seqloom.testing import head_training as training
from seqloom.testing import heads as checks
from seqloom.testing.cases import case_of
from seqloom.testing.head_compare import require_same
from seqloom.testing.samples import LENGTHS

from .test_head_checks import Accuracy, Sound, SoundCodec

Passes = Iterable[tuple[Any, Encoded, SequenceBatch]]


class OtherInHaste(Sound):
    def decode(self, outputs: Any, encoded: Encoded, scores: bool = True) -> list[Prediction]:
        return super().decode(outputs if scores else -outputs, encoded)


class SaysMoreInHaste(Sound):
    def decode(self, outputs: Any, encoded: Encoded, scores: bool = True) -> list[Prediction]:
        found = super().decode(outputs, encoded)
        return found if scores else [{**one, "draft": True} for one in found]


class Sure(Accuracy):
    """Counts only what the head is confident of."""

    def update(self, predictions: list[Prediction], batch: SequenceBatch) -> None:
        sure = [
            {"label": "?", **one} if "confidence" in one else {"label": ""} for one in predictions
        ]
        super().update(sure, batch)


class NeedsConfidences(Sound):
    def decode(self, outputs: Any, encoded: Encoded, scores: bool = True) -> list[Prediction]:
        found = super().decode(outputs, encoded)
        return found if scores else [{"label": one["label"]} for one in found]

    def metrics(self) -> HeadMetric:
        return Sure(self.codec.labels)


class NamelessInHaste(Accuracy):
    """Has no accuracy of a batch without confidences."""

    seen = True

    def update(self, predictions: list[Prediction], batch: SequenceBatch) -> None:
        self.seen = "confidence" in predictions[0]
        super().update(predictions, batch)

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


class Reversed(Sound):
    higher_is_better = False


class OwnCount(Accuracy):
    """Tells of the examples of its own rank."""

    seen = 0

    def update(self, predictions: list[Prediction], batch: SequenceBatch) -> None:
        super().update(predictions, batch)
        self.seen += len(predictions)

    def details(self) -> list[Any]:
        return [Table("Seen", ("examples",), [(self.seen,)])]


class LocalDetails(Sound):
    def metrics(self) -> HeadMetric:
        return OwnCount(self.codec.labels)


class UnescapedLabel(Sound):
    def render(self, example: Example, prediction: Prediction) -> str:
        return f"<b>{prediction['label']}</b> " + super().render(example, prediction)


class UnescapedTruth(Sound):
    def render(self, example: Example, prediction: Prediction) -> str:
        return f"{super().render(example, prediction)} <i>{example.fields['label']}</i>"


class UnescapedId(Sound):
    def render(self, example: Example, prediction: Prediction) -> str:
        return f"<p title={example.id}>{html.escape(prediction['label'])}</p>"


class UnescapedLaterToken(Sound):
    def render(self, example: Example, prediction: Prediction) -> str:
        first, *others = example.fields["tokens"]
        return " ".join([html.escape(first), *others])


class TimesZero(Sound):
    def __init__(self, codec: SoundCodec, input_size: int) -> None:
        super().__init__(codec, input_size)
        self.idle = nn.Parameter(torch.ones(()))

    def forward(self, encoded: Encoded, batch: SequenceBatch | None = None) -> Any:
        return super().forward(encoded, batch) + self.idle * 0


class LostCalibration(Sound):
    temperature = 1.0

    def calibrate(self, passes: Passes) -> dict[str, float]:
        self.temperature = 1 + float(len([*passes]))
        return {"temperature": self.temperature}

    def decode(self, outputs: Any, encoded: Encoded, scores: bool = True) -> list[Prediction]:
        return super().decode(outputs / self.temperature, encoded)


class CalibratesToNan(Sound):
    @torch.no_grad()
    def calibrate(self, passes: Passes) -> dict[str, float]:
        self.scores.weight /= 0
        return {}


class SaysNan(Sound):
    def calibrate(self, passes: Passes) -> dict[str, float]:
        return {"temperature": float("nan")}


class AdoptsNan(Sound):
    @torch.no_grad()
    def load_matching(self, trained: Head) -> None:
        self.scores.weight.fill_(torch.nan)


class Robs(Sound):
    @torch.no_grad()
    def load_matching(self, trained: Head) -> None:
        theirs = dict(trained.named_parameters())
        for name, parameter in self.named_parameters():
            parameter.copy_(theirs[name])
            theirs[name].zero_()


BROKEN: list[tuple[Any, type[Head], str]] = [
    (
        checks.check_decode,
        OtherInHaste,
        r"against decode\(scores=False\): \d: (label|confid)",
    ),
    (checks.check_decode, SaysMoreInHaste, r"\['confidence', 'label'\], expected .*'draft'"),
    (metrics.check_metrics, NeedsConfidences, r"accuracy after decode\(scores=False\): differ by"),
    (
        metrics.check_metrics,
        WatchesConfidences,
        r"no accuracy after .*; compute\(\) gives \[\]",
    ),
    (metrics.check_metrics, ConstantMetric, "accuracy is 1 where every .* is right and 1 where"),
    (
        metrics.check_metrics,
        Reversed,
        "is right and 0 .*; expected lower, as higher_is_better",
    ),
    (metrics.check_metrics_on_ranks, LocalDetails, r"details\(\) on rank \d of two with 1 and 3"),
    (checks.check_output, UnescapedLabel, "does not escape texts: …<b>.*<script>"),
    (checks.check_output, UnescapedTruth, "does not escape texts: ….*<i>.*<script>"),
    (checks.check_output, UnescapedId, "does not escape texts: …<p title=example-0<script>"),
    (checks.check_output, UnescapedLaterToken, "does not escape texts"),
    (checks.check_gradients, TimesZero, "the gradient of idle is zero, whatever the weights"),
    (checks.check_round_trip, LostCalibration, "outputs of the stored module"),
    (checks.check_round_trip, CalibratesToNan, r"after calibrate\(\) are not finite: 4 of 4"),
    (checks.check_round_trip, SaysNan, r"calibrate\(\) gives \{'temperature': nan\}; expected"),
    (
        training.check_state_dict,
        AdoptsNan,
        r"losses after load_matching\(\) are not finite: 4 of 4",
    ),
    (training.check_state_dict, Robs, "losses of the head that another adopts: differ by"),
]


def _case(cls: type[Head]) -> HeadCase:
    return HeadCase(cls, examples({"tokens": "tokens", "label": "label"}), LENGTHS)


@pytest.mark.parametrize(
    ("check", "broken", "complaint"), BROKEN, ids=[one.__name__ for _, one, _ in BROKEN]
)
def test_a_broken_head_is_caught(
    check: Callable[[HeadCase], None], broken: type[Head], complaint: str
) -> None:
    with pytest.raises(ConformanceError, match=complaint):
        check(_case(broken))


def test_a_head_from_before_scores_is_called_without() -> None:
    class Old(Sound):
        def decode(self, outputs: Any, encoded: Encoded) -> list[Prediction]:  # type: ignore[override]
            return super().decode(outputs, encoded)

    for check in (checks.check_decode, metrics.check_metrics):
        check(_case(Old))


def test_a_metric_of_texts_is_judged_by_texts_that_were_read() -> None:
    component = registry().find("head", "ctc")
    with case_of(component, {}, {}) as case:
        metrics.check_metrics(case)
        wrong = type("Wrong", (case.cls,), {"higher_is_better": True})
        with pytest.raises(ConformanceError, match="cer is 0 where every prediction is right"):
            metrics.check_metrics(replace(case, cls=wrong))


def test_no_metric_is_judged_where_targets_are_unknown() -> None:
    metrics.check_metrics(replace(_case(Reversed), kind="mood"))


def test_what_is_not_a_number_is_the_same_in_details() -> None:
    require_same([("x", float("nan"))], [("x", float("nan"))], "rows")
    with pytest.raises(ConformanceError, match=r"rows: 0: 1: nan against 0\.5"):
        require_same([("x", float("nan"))], [("x", 0.5)], "rows")
