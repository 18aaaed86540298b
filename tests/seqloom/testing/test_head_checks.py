"""Each check of heads catches a head that breaks its promise, and says how."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import Metric

from seqloom.errors import ExampleError
from seqloom.interfaces import (
    Arrays,
    Encoded,
    Example,
    Head,
    HeadCodec,
    HeadMetric,
    Prediction,
    SequenceBatch,
)
from seqloom.testing import HEAD_CHECKS, ConformanceError, HeadCase, examples
from seqloom.testing import head_metrics as metrics
from seqloom.testing import head_search as search
from seqloom.testing import head_training as training
from seqloom.testing import heads as checks
from seqloom.testing.samples import LENGTHS


class SoundCodec(HeadCodec):
    """Numbers the labels."""

    def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
        return {"labels": sorted({example.fields["label"] for example in examples})}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.labels = list(state["labels"])

    def encode(self, example: Example) -> Arrays:
        if "label" not in example.fields:
            raise ExampleError(example, "has no label")
        return {"target": np.array(self.labels.index(example.fields["label"]))}


class Accuracy(Metric):
    """The share of right labels, from sums."""

    right: Tensor
    count: Tensor

    def __init__(self, labels: Sequence[str]) -> None:
        super().__init__()
        self.labels = labels
        for name in ("right", "count"):
            self.add_state(name, torch.tensor(0), dist_reduce_fx="sum")

    def update(self, predictions: list[Prediction], batch: SequenceBatch) -> None:
        for prediction, target in zip(predictions, batch["target"].tolist(), strict=True):
            self.right += int(prediction["label"] == self.labels[target])
            self.count += 1

    def compute(self) -> dict[str, Tensor]:
        return {"accuracy": self.right / self.count.clamp_min(1)}

    def details(self) -> list[Any]:
        return []


class Sound(Head):
    """Tells a label from the summary."""

    monitor = "accuracy"
    column_names = ("label",)
    codec_class: type[SoundCodec] = SoundCodec

    def __init__(self, codec: SoundCodec, input_size: int) -> None:
        super().__init__()
        self.codec = codec
        self.scores = nn.Linear(input_size, len(codec.labels))

    @classmethod
    def make_codec(cls, **params: Any) -> HeadCodec:
        return cls.codec_class(**params)

    def forward(self, encoded: Encoded, batch: SequenceBatch | None = None) -> Any:
        return self.scores(encoded.summary)

    def loss(self, outputs: Any, batch: SequenceBatch) -> Tensor:
        return F.cross_entropy(outputs, batch["target"], reduction="none")

    def decode(self, outputs: Any, encoded: Encoded, scores: bool = True) -> list[Prediction]:
        best = outputs.softmax(-1).max(-1)
        return [
            {"label": self.codec.labels[int(number)], "confidence": float(share)}
            for share, number in zip(*best, strict=True)
        ]

    def metrics(self) -> HeadMetric:
        return Accuracy(self.codec.labels)

    def columns(self, example: Example, prediction: Prediction) -> list[list[str]]:
        return [[prediction["label"]]]

    def render(self, example: Example, prediction: Prediction) -> str:
        return html.escape(" ".join(example.fields["tokens"]))


class MeanLoss(Sound):
    def loss(self, outputs: Any, batch: SequenceBatch) -> Tensor:
        return super().loss(outputs, batch).mean()


class SharedLoss(Sound):
    def loss(self, outputs: Any, batch: SequenceBatch) -> Tensor:
        return super().loss(outputs, batch) / len(batch)


class ReadsPadding(Sound):
    def forward(self, encoded: Encoded, batch: SequenceBatch | None = None) -> Any:
        return self.scores(encoded.states.mean(1))


class OverConfident(Sound):
    def decode(self, outputs: Any, encoded: Encoded, scores: bool = True) -> list[Prediction]:
        return [{**one, "confidence": 1.5} for one in super().decode(outputs, encoded)]


class NumpyPrediction(Sound):
    def decode(self, outputs: Any, encoded: Encoded, scores: bool = True) -> list[Prediction]:
        found = super().decode(outputs, encoded)
        return [{**one, "confidence": np.float32(0.5)} for one in found]


class NanConfidence(Sound):
    def decode(self, outputs: Any, encoded: Encoded, scores: bool = True) -> list[Prediction]:
        return [{**one, "confidence": float("nan")} for one in super().decode(outputs, encoded)]


class RelativeConfidence(Sound):
    def decode(self, outputs: Any, encoded: Encoded, scores: bool = True) -> list[Prediction]:
        found = super().decode(outputs, encoded)
        top = max(one["confidence"] for one in found)
        return [{**one, "confidence": one["confidence"] / top} for one in found]


class MissesOne(Sound):
    def decode(self, outputs: Any, encoded: Encoded, scores: bool = True) -> list[Prediction]:
        return super().decode(outputs, encoded)[1:]


class WatchesNothing(Sound):
    monitor = "f1"


class MeanOfBatches(Accuracy):
    def update(self, predictions: list[Prediction], batch: SequenceBatch) -> None:
        before = self.right.clone()
        super().update(predictions, batch)
        self.right = before + (self.right - before) // len(batch)


class BadMetric(Sound):
    def metrics(self) -> HeadMetric:
        return MeanOfBatches(self.codec.labels)


class OtherAfterJson(SoundCodec):
    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self.extra = state.get("extra")

    def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
        return {**super().fit(examples), "extra": (1, 2)}

    def encode(self, example: Example) -> Arrays:
        return {**super().encode(example), "extra": np.array(isinstance(self.extra, tuple))}


class MoreAfterPickle(SoundCodec):
    more = False

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= {**state, "more": True}

    def encode(self, example: Example) -> Arrays:
        return super().encode(example) | ({"more": np.array(1)} if self.more else {})


class TakesAnything(SoundCodec):
    def encode(self, example: Example) -> Arrays:
        return {"target": np.array(self.labels.index(example.fields.get("label", "left")))}


class WideRows(Sound):
    def columns(self, example: Example, prediction: Prediction) -> list[list[str]]:
        return [[prediction["label"], "and more"]]


class FewRows(Sound):
    row_per_token = True


class Unescaped(Sound):
    def render(self, example: Example, prediction: Prediction) -> str:
        return " ".join(example.fields["tokens"])


class Unused(Sound):
    def __init__(self, codec: SoundCodec, input_size: int) -> None:
        super().__init__(codec, input_size)
        self.forgotten = nn.Linear(2, 2)


class HiddenTensor(Sound):
    def __init__(self, codec: SoundCodec, input_size: int) -> None:
        super().__init__(codec, input_size)
        self.shift = torch.randn(len(codec.labels))

    def forward(self, encoded: Encoded, batch: SequenceBatch | None = None) -> Any:
        return super().forward(encoded, batch) + self.shift


def _over(codec: type[SoundCodec]) -> type[Sound]:
    return type(codec.__name__, (Sound,), {"codec_class": codec})


class Detached(Sound):
    def forward(self, encoded: Encoded, batch: SequenceBatch | None = None) -> Any:
        return super().forward(encoded, batch).detach().requires_grad_()


class GrowsLoss(Sound):
    def loss(self, outputs: Any, batch: SequenceBatch) -> Tensor:
        return -super().loss(outputs, batch)


class Worst(Sound):
    def decode(self, outputs: Any, encoded: Encoded, scores: bool = True) -> list[Prediction]:
        return super().decode(-outputs, encoded)


class HalfNormalised(Sound):
    """Is a likelihood of long examples only."""

    def forward(self, encoded: Encoded, batch: SequenceBatch | None = None) -> Any:
        return super().forward(encoded, batch), encoded.lengths

    def loss(self, outputs: Any, batch: SequenceBatch) -> Tensor:
        scores, lengths = outputs
        chosen = scores.gather(1, batch["target"].unsqueeze(1)).squeeze(1)
        return torch.where(lengths == 1, 1.0, scores.logsumexp(1)) - chosen

    def decode(self, outputs: Any, encoded: Encoded, scores: bool = True) -> list[Prediction]:
        return super().decode(outputs[0], encoded)


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

    def update(self, predictions: list[Prediction], batch: SequenceBatch) -> None:
        super().update(predictions, batch)
        self.shares = self.right / self.count


class MeanMetric(Sound):
    def metrics(self) -> HeadMetric:
        return MeanOfRanks(self.codec.labels)


class MadeInForward(Sound):
    def forward(self, encoded: Encoded, batch: SequenceBatch | None = None) -> Any:
        if not hasattr(self, "scale"):
            self.scale = nn.Parameter(torch.ones(()))
        return super().forward(encoded, batch) * self.scale


class DropsInEval(Sound):
    def forward(self, encoded: Encoded, batch: SequenceBatch | None = None) -> Any:
        return F.dropout(super().forward(encoded, batch))


class ClampsInHalf(Sound):
    def loss(self, outputs: Any, batch: SequenceBatch) -> Tensor:
        masked = outputs - 1e39 if outputs.dtype == torch.bfloat16 else outputs
        return super().loss(masked, batch)


class ByLength(Sound):
    """Has weights for long examples that others do not use."""

    def __init__(self, codec: SoundCodec, input_size: int) -> None:
        super().__init__(codec, input_size)
        self.long = nn.Linear(input_size, input_size)

    def forward(self, encoded: Encoded, batch: SequenceBatch | None = None) -> Any:
        if int(encoded.lengths.max()) > 6:
            return self.scores(self.long(encoded.summary))
        return super().forward(encoded, batch)


BROKEN: list[tuple[Any, Any, str]] = [
    (checks.check_loss, MeanLoss, r"losses are \(\), .*: expected \(4,\)"),
    (checks.check_loss, SharedLoss, "loss of example 0, alone: differ by"),
    (checks.check_loss, ReadsPadding, "losses beside NaN in the padding are not finite: 3 of 4"),
    (checks.check_decode, OverConfident, r"a confidence of 1\.5; expected 0 to 1"),
    (checks.check_decode, NumpyPrediction, "predictions are not plain data: .*float32"),
    (checks.check_decode, NanConfidence, "predictions are not plain data"),
    (checks.check_decode, RelativeConfidence, "alone: confidence: .* against"),
    (checks.check_decode, MissesOne, r"decode\(\) gives 3 predictions for 4 examples"),
    (metrics.check_metrics, WatchesNothing, r"monitor is 'f1'; compute\(\) gives \['accuracy'\]"),
    (metrics.check_metrics, BadMetric, "accuracy, example by example: differ by"),
    (
        checks.check_codec,
        _over(OtherAfterJson),
        r"encode\(\) gives another 'extra', False; exp",
    ),
    (
        checks.check_codec,
        _over(MoreAfterPickle),
        r"other arrays, \['more', 'target'\]; exp",
    ),
    (checks.check_codec, _over(TakesAnything), "an example without a target is not refused"),
    (checks.check_output, WideRows, "a row of 2 cells for 1 columns"),
    (checks.check_output, FewRows, "1 rows for 5 tokens"),
    (checks.check_output, Unescaped, r"render\(\) does not escape texts: ….*<script>"),
    (checks.check_gradients, Unused, r"no gradient reaches forgotten\.weight"),
    (checks.check_round_trip, HiddenTensor, "outputs of the stored module"),
    (search.check_search, Worst, r"decode\(\) gives '.*' with a loss of .* but '.*' has less"),
    (search.check_search, GrowsLoss, r"has less, -\d.*, of 3 targets that were tried"),
    (search.check_likelihood, HalfNormalised, r"sums to .*, not to 1, 6 times of 12"),
    (metrics.check_metrics_on_ranks, LocalMetric, r"accuracy on rank \d of two with 1 and 3"),
    (metrics.check_metrics_on_ranks, MeanMetric, "accuracy on rank 0 of two"),
    (training.check_learning, Detached, "40 steps of training took the mean loss from"),
    (training.check_state_dict, MadeInForward, "a new one cannot take up the state: .*scale"),
    (training.check_determinism, DropsInEval, "outputs in eval mode, once more: differ by"),
    (training.check_device, HiddenTensor, "shift is a tensor that is neither parameter nor buffer"),
    (training.check_bfloat16, ClampsInHalf, "losses in bfloat16 are not finite"),
    (training.check_ranks, ByLength, r"rank 1 of two: long\.weight takes no part in a batch of 2"),
]


def _case(cls: type[Head]) -> HeadCase:
    return HeadCase(cls, examples({"tokens": "tokens", "label": "label"}), LENGTHS)


@pytest.mark.parametrize("check", HEAD_CHECKS, ids=lambda check: check.__name__)
def test_a_sound_head_passes(check: Callable[[HeadCase], None]) -> None:
    check(_case(Sound))


@pytest.mark.parametrize(
    ("check", "broken", "complaint"),
    BROKEN,
    ids=[f"{c.__name__}-{b.__name__}" for c, b, _ in BROKEN],
)
def test_a_broken_head_is_caught(
    check: Callable[[HeadCase], None], broken: type[Head], complaint: str
) -> None:
    with pytest.raises(ConformanceError, match=complaint):
        check(_case(broken))


def test_every_check_has_a_broken_head() -> None:
    assert {check for check, _, _ in BROKEN} == set(HEAD_CHECKS)
