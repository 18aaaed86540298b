"""The interface of a head: from states to predictions, and the loss of these."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from torch import Tensor, nn

from seqloom.interfaces.batch import Targets
from seqloom.interfaces.codec import HeadCodec
from seqloom.interfaces.encoder import Encoded
from seqloom.interfaces.example import Prediction

if TYPE_CHECKING:
    from seqloom.interfaces.metric import HeadMetric

log = logging.getLogger("seqloom")

Mode = Literal["max", "min"]
"""Whether more or less of a metric is better."""

Purpose = Literal["validate", "test", "predict"]
"""What predictions are for; a search may be cheaper where they only choose an epoch."""


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

    Built as ``Head(codec, input_size, **params)`` with a codec that has its state; if it
    ``reads_features``, also with ``features_size=D``.

    Attributes:
        monitor: the metric that early stopping, checkpoints and tables go by.
        reads_features: True if it uses ``encoded.features``, and must know their size.
    """

    monitor: str
    reads_features: bool = False

    @classmethod
    @abstractmethod
    def make_codec(cls, **params: Any) -> HeadCodec:
        """Return an unfitted codec for the component's parameters."""

    @abstractmethod
    def forward(self, encoded: Encoded, targets: Targets | None = None) -> Any:
        """Return the outputs, scores mostly; ``targets`` only where teacher forcing needs them."""

    @abstractmethod
    def loss(self, outputs: Any, targets: Targets) -> Tensor:
        """Return (B,) losses, one an example: each what the example would have alone."""

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

        The keyword arguments are optional for a head, too: it is passed only those that it names,
        or all if it has ``**options``.

        Args:
            outputs: of ``forward``.
            encoded: what ``forward`` was given.
            given: what is known of the targets beforehand; None: nothing.
            purpose: what the predictions are for.
            scores: False may leave confidences out to save time.
        """

    def calibrate(self, passes: Iterable[tuple[Any, Encoded, Targets]]) -> dict[str, float]:
        """Fit what makes probabilities of scores, once the weights are trained.

        Called in eval mode with the outputs, states and targets of the validation split, batch by
        batch, if there is one. What it learns belongs into buffers, so that it is stored with the
        weights.

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

    @property
    def mode(self) -> Mode:
        """Whether more or less of ``monitor`` is better; its metric says so."""
        return self.metrics().mode(self.monitor)
