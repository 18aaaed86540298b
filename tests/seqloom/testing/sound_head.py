"""A head that keeps its promises, from which others are made by breaking one."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqloom.errors import ExampleError
from seqloom.interfaces import (
    Arrays,
    Encoded,
    Example,
    Head,
    HeadCodec,
    HeadMetric,
    Mode,
    Prediction,
    Targets,
    View,
)
from seqloom.testing import HeadCase, examples
from seqloom.testing.samples import LENGTHS


class SoundCodec(HeadCodec):
    """Numbers the labels."""

    column_names = ("label",)

    def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
        return {"labels": sorted({example.fields["label"] for example in examples})}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.labels = list(state["labels"])

    def encode(self, example: Example) -> Arrays:
        if "label" not in example.fields:
            raise ExampleError(example, "has no label")
        return {"target": np.array(self.labels.index(example.fields["label"]))}

    def columns(self, example: Example, prediction: Prediction) -> list[list[str]]:
        return [[prediction["label"]]]

    def render(self, example: Example, prediction: Prediction, view: View) -> str:
        return html.escape(" ".join(example.fields["tokens"]))


class Accuracy(HeadMetric):
    """The share of right labels, from sums."""

    modes: Mapping[str, Mode] = {"accuracy": "max"}

    right: Tensor
    count: Tensor

    def __init__(self, labels: Sequence[str]) -> None:
        super().__init__()
        self.labels = labels
        for name in ("right", "count"):
            self.add_state(name, torch.tensor(0), dist_reduce_fx="sum")

    def update(self, predictions: list[Prediction], targets: Targets) -> None:
        for prediction, target in zip(predictions, targets["target"].tolist(), strict=True):
            self.right += int(prediction["label"] == self.labels[target])
            self.count += 1

    def compute(self) -> dict[str, Tensor]:
        return {"accuracy": self.right / self.count.clamp_min(1)}


class Sound(Head):
    """Tells a label from the summary."""

    monitor = "accuracy"
    codec_class: type[SoundCodec] = SoundCodec

    def __init__(self, codec: SoundCodec, input_size: int) -> None:
        super().__init__()
        self.codec = codec
        self.scores = nn.Linear(input_size, len(codec.labels))

    @classmethod
    def make_codec(cls, **params: Any) -> HeadCodec:
        return cls.codec_class(**params)

    def forward(self, encoded: Encoded, targets: Targets | None = None) -> Any:
        return self.scores(encoded.summary)

    def loss(self, outputs: Any, targets: Targets) -> Tensor:
        return F.cross_entropy(outputs, targets["target"], reduction="none")

    def decode(self, outputs: Any, encoded: Encoded, **_: Any) -> list[Prediction]:
        best = outputs.softmax(-1).max(-1)
        return [
            {"label": self.codec.labels[int(number)], "confidence": float(share)}
            for share, number in zip(*best, strict=True)
        ]

    def metrics(self) -> HeadMetric:
        return Accuracy(self.codec.labels)


def case_of(cls: type[Head]) -> HeadCase:
    return HeadCase(cls, examples({"tokens": "tokens", "label": "label"}), LENGTHS)
