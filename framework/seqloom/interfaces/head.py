"""The interface of a head: from states to predictions, and what is lost by them."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import torch
from torch import Tensor, nn

from seqloom.interfaces.batch import SequenceBatch
from seqloom.interfaces.codec import HeadCodec
from seqloom.interfaces.encoder import Encoded
from seqloom.interfaces.example import Example

log = logging.getLogger("seqloom")

Prediction = dict[str, Any]
"""One example's prediction: plain types only, ready for JSON, with its confidences in [0, 1]."""


@dataclass(frozen=True)
class Table:
    """A small table for the report: per-type scores, say."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | int | float]]


@dataclass(frozen=True)
class Matrix:
    """A matrix of counts for the report: rows are the truth, columns the predictions."""

    title: str
    labels: Sequence[str]
    counts: Sequence[Sequence[int]]


class HeadMetric(Protocol):
    """What a head's metric offers: a ``torchmetrics.Metric`` whose states are sums over examples.

    As sums they are the same whatever the batches, and over any number of ranks.
    """

    def update(self, predictions: list[Prediction], batch: SequenceBatch) -> None:
        """Add what ``decode`` gave for a (scoped) batch to the truth in that batch."""

    def compute(self) -> dict[str, Tensor]:
        """Return scalars by name, the head's ``monitor`` among them."""
        ...

    def details(self) -> list[Table | Matrix]:
        """Return tables and matrices for the report, from the same sums."""
        ...

    def to(self, device: torch.device) -> Self:
        """Return the metric with its sums on the device."""
        ...


class Head(nn.Module, ABC):
    """Turns states into predictions for one field of the examples.

    Built as ``Head(codec, input_size, **params)`` with a codec that has its state; if it
    ``reads_features``, also with ``features_size=D``. A ``batch`` that a head is given is already
    scoped: the arrays of its own codec have their own names.

    Attributes:
        monitor: the metric that early stopping, checkpoints and tables go by.
        higher_is_better: of that metric.
        column_names: of the rows that ``columns`` gives.
        reads_features: True if it uses ``encoded.features``, and must know their size.
        row_per_token: True if ``columns`` gives one row for each token, as CoNLL output needs.
    """

    monitor: str
    higher_is_better: bool = True
    column_names: tuple[str, ...] = ()
    reads_features: bool = False
    row_per_token: bool = False

    @classmethod
    @abstractmethod
    def make_codec(cls, **params: Any) -> HeadCodec:
        """Return an unfitted codec for the component's parameters."""

    @abstractmethod
    def forward(self, encoded: Encoded, batch: SequenceBatch | None = None) -> Any:
        """Return the outputs, scores mostly; ``batch`` only where teacher forcing needs it."""

    @abstractmethod
    def loss(self, outputs: Any, batch: SequenceBatch) -> Tensor:
        """Return (B,) losses, one an example: each what the example would have alone."""

    @abstractmethod
    def decode(self, outputs: Any, encoded: Encoded, scores: bool = True) -> list[Prediction]:
        """Return B predictions; ``scores=False`` may leave confidences out to save time."""

    def calibrate(self, passes: Iterable[tuple[Any, Encoded, SequenceBatch]]) -> dict[str, float]:
        """Fit what makes probabilities of scores, once the weights are trained.

        Called in eval mode with the outputs, states and (scoped) batches of the validation split,
        if there is one. What it learns belongs into buffers, so that it is stored with the weights.

        Returns:
            What is worth recording, by name.
        """
        return {}

    def load_matching(self, trained: Head) -> None:
        """Take over what weights it can from a head that was trained on other classes."""
        log.info("%s begins anew: its classes are not those of the model.", type(self).__name__)

    @abstractmethod
    def metrics(self) -> HeadMetric:
        """Return a fresh metric."""

    def describe(self, example: Example, prediction: Prediction) -> Prediction:
        """Return the prediction with what only the example knows: texts, character offsets."""
        return prediction

    @abstractmethod
    def columns(self, example: Example, prediction: Prediction) -> list[list[str]]:
        """Return the (described) prediction as rows of text, for TSV and CoNLL output."""

    @abstractmethod
    def render(self, example: Example, prediction: Prediction) -> str:
        """Return HTML that shows the example with its prediction; every text escaped."""
