"""The interface of a head: from states to predictions and losses."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from seqloom.interfaces.batch import Targets
from seqloom.interfaces.codec import HeadCodec
from seqloom.interfaces.encoder import Encoded
from seqloom.interfaces.example import Prediction

if TYPE_CHECKING:
    from seqloom.interfaces.metric import HeadMetric

log = logging.getLogger("seqloom")

Mode = Literal["max", "min"]
"""Whether higher or lower values of a metric are better."""

Purpose = Literal["validate", "test", "predict", "report"]
"""Purpose of predictions. ``validate``: scores within training, which only select an epoch, so that
a cheaper search may be used. ``test``: final scores, of any split. ``predict``: predictions for a
user. ``report``: those that are drawn, which may have more detail, such as attention."""


@dataclass(frozen=True)
class Table:
    """Small table for the report, such as scores by type."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | int | float]]


@dataclass(frozen=True)
class Matrix:
    """Matrix of counts for the report: rows are the truth, columns the predictions."""

    title: str
    labels: Sequence[str]
    counts: Sequence[Sequence[int]]


class Head(nn.Module, ABC):
    """Base class of heads: turns states into predictions for one field of the examples.

    Built as ``Head(codec, input_size, **params)`` with a fitted codec; with ``reads_features``,
    also with ``features_size=D``.

    Attributes:
        monitor: Metric that selects the best checkpoint, and that tables are sorted by.
        reads_features: Whether it uses ``encoded.features`` and needs their size.
    """

    monitor: str
    reads_features: bool = False

    @classmethod
    @abstractmethod
    def make_codec(cls, **params: Any) -> HeadCodec:
        """Return an unfitted codec for the component's parameters."""

    @abstractmethod
    def forward(self, encoded: Encoded, targets: Targets | None = None) -> Any:
        """Return the outputs, such as scores; ``targets`` are for teacher forcing only."""

    @abstractmethod
    def loss(self, outputs: Any, targets: Targets) -> Tensor:
        """Return losses, (B,); that of an example must not depend on the other examples."""

    def undefined(self, targets: Targets) -> Tensor:
        """Return which examples have no loss, (B,) bool; by default none.

        These are examples with classes that the model does not know, see
        `HeadCodec.encode_truth`. In eval mode, ``loss`` may return anything for them.
        """
        return torch.zeros(len(targets), dtype=torch.bool)

    @abstractmethod
    def decode(
        self,
        outputs: Any,
        encoded: Encoded,
        *,
        given: Targets | None = None,
        purpose: Purpose = "predict",
        scores: bool = True,
    ) -> list[Prediction]:
        """Return B predictions.

        A head need not accept the keyword arguments: only those that it names are passed, or all if
        it has ``**options``.

        Args:
            outputs: Outputs of ``forward``.
            encoded: Argument of ``forward``.
            given: Known parts of the targets, if any.
            purpose: Purpose of the predictions.
            scores: Whether confidences are needed; leaving them out may save time.
        """

    def calibrate(self, passes: Iterable[tuple[Any, Encoded, Targets]]) -> dict[str, float]:
        """Fit the calibration of probabilities after training.

        Called in eval mode with the outputs, states and targets of each batch of the validation
        split, if there is one. The result belongs in buffers, which are stored with the weights.

        Returns:
            Values to record in ``run.json``, by name.
        """
        return {}

    def load_matching(self, trained: Head) -> None:
        """Take over the weights that match from a head that was trained on other classes."""
        log.info(
            "%s is initialized from scratch: its classes differ from those of the model.",
            type(self).__name__,
        )

    @abstractmethod
    def metrics(self) -> HeadMetric:
        """Return a new metric."""

    @property
    def mode(self) -> Mode:
        """Whether higher or lower values of ``monitor`` are better, from its metric."""
        return self.metrics().mode(self.monitor)
