"""The interface of a head: from states to predictions, and what is lost by them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from seqloom.interfaces.batch import SequenceBatch
from seqloom.interfaces.codec import HeadCodec
from seqloom.interfaces.encoder import Encoded
from seqloom.interfaces.example import Example

if TYPE_CHECKING:
    from torchmetrics import Metric

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


class Head(nn.Module, ABC):
    """Turns states into predictions for one field of the examples.

    Built as ``Head(codec, input_size, **params)`` with a codec that has its state. A ``batch`` that
    a head is given is already scoped: the arrays of its own codec have their own names.

    Attributes:
        watch: the metric that early stopping, checkpoints and tables go by.
        higher_is_better: of that metric.
        column_names: of the rows that ``columns`` gives.
        row_per_token: True if ``columns`` gives one row for each token, as CoNLL output needs.
    """

    watch: str
    higher_is_better: bool = True
    column_names: tuple[str, ...] = ()
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

    @abstractmethod
    def metrics(self) -> Metric:
        """Return a fresh torchmetrics metric.

        Its ``update(predictions, batch)`` takes what ``decode`` gave and the (scoped) batch with
        the truth; its ``compute()`` gives a dict of scalars by name, ``watch`` among them; its
        ``details()`` a list of `Table` and `Matrix` for the report, from the same sums.
        """

    def describe(self, example: Example, prediction: Prediction) -> Prediction:
        """Return the prediction with what only the example knows: texts, character offsets."""
        return prediction

    @abstractmethod
    def columns(self, example: Example, prediction: Prediction) -> list[list[str]]:
        """Return the (described) prediction as rows of text, for TSV and CoNLL output."""

    @abstractmethod
    def render(self, example: Example, prediction: Prediction) -> str:
        """Return HTML that shows the example with its prediction; every text escaped."""
