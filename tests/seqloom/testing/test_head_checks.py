"""Each check of heads catches a head that breaks its promise, and says how."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqloom.errors import ExampleError
from seqloom.interfaces import (
    Encoded,
    Example,
    Head,
    HeadCodec,
    HeadMetric,
    Item,
    Prediction,
    SequenceBatch,
)
from seqloom.testing import HEAD_CHECKS, ConformanceError, HeadCase, examples
from seqloom.testing import heads as checks
from seqloom.testing.samples import LENGTHS


class SoundCodec(HeadCodec):
    """Numbers the labels."""

    def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
        return {"labels": sorted({example.fields["label"] for example in examples})}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.labels = list(state["labels"])

    def encode(self, example: Example) -> Item:
        if "label" not in example.fields:
            raise ExampleError(example, "has no label")
        return {"target": np.array(self.labels.index(example.fields["label"]))}


class Accuracy:
    """The share of right labels, from sums."""

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels, self.right, self.count = labels, 0, 0

    def update(self, predictions: list[Prediction], batch: SequenceBatch) -> None:
        for prediction, target in zip(predictions, batch["target"].tolist(), strict=True):
            self.right += prediction["label"] == self.labels[target]
            self.count += 1

    def compute(self) -> dict[str, Tensor]:
        return {"accuracy": torch.tensor(self.right / max(1, self.count))}

    def details(self) -> list[Any]:
        return []

    def to(self, device: torch.device) -> Self:
        return self


class Sound(Head):
    """Tells a label from the summary."""

    watch = "accuracy"
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
    watch = "f1"


class MeanOfBatches(Accuracy):
    def update(self, predictions: list[Prediction], batch: SequenceBatch) -> None:
        before = self.right
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

    def encode(self, example: Example) -> Item:
        return {**super().encode(example), "extra": np.array(isinstance(self.extra, tuple))}


class MoreAfterPickle(SoundCodec):
    more = False

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= {**state, "more": True}

    def encode(self, example: Example) -> Item:
        return super().encode(example) | ({"more": np.array(1)} if self.more else {})


class TakesAnything(SoundCodec):
    def encode(self, example: Example) -> Item:
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


BROKEN: list[tuple[Any, Any, str]] = [
    (checks.check_loss, MeanLoss, r"losses are \(\), not one an example"),
    (checks.check_loss, SharedLoss, "loss of example 0, alone: differ by"),
    (checks.check_loss, ReadsPadding, "losses are not finite beside NaN in the padding"),
    (checks.check_decode, OverConfident, r"a confidence of 1\.5"),
    (checks.check_decode, NumpyPrediction, "predictions are not plain data: .*float32"),
    (checks.check_decode, NanConfidence, "predictions are not plain data"),
    (checks.check_decode, RelativeConfidence, "alone: confidence: .* against"),
    (checks.check_decode, MissesOne, r"decode\(\) does not give one prediction an example"),
    (checks.check_metrics, WatchesNothing, r"watch is 'f1'; compute\(\) gives \['accuracy'\]"),
    (checks.check_metrics, BadMetric, "accuracy, example by example: differ by"),
    (checks.check_codec, _over(OtherAfterJson), r"encode\(\) gives another 'extra'"),
    (checks.check_codec, _over(MoreAfterPickle), r"encode\(\) gives other arrays"),
    (checks.check_codec, _over(TakesAnything), "an example without a target is not refused"),
    (checks.check_output, WideRows, "a row of 2 cells"),
    (checks.check_output, FewRows, "1 rows for 5 tokens"),
    (checks.check_output, Unescaped, r"render\(\) does not escape texts"),
    (checks.check_gradients, Unused, r"no gradient reaches forgotten\.weight"),
    (checks.check_round_trip, HiddenTensor, "outputs of the stored module"),
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
