"""The interface of a head's metric. It imports torchmetrics, which prediction does not need."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor
from torchmetrics import Metric

from seqloom.interfaces.arguments import accepted
from seqloom.interfaces.batch import Targets
from seqloom.interfaces.example import Prediction
from seqloom.interfaces.head import Matrix, Mode, Table


class HeadMetric(Metric):
    """Base class of metrics: a ``torchmetrics.Metric`` whose states are sums over examples.

    Sums do not depend on the batches or the number of ranks. A metric is also reset and used again,
    for sampling errors: ``reset`` restores states of ``add_state``; override it for anything else.

    Attributes:
        modes: ``max`` or ``min`` for each metric that ``compute`` returns: whether higher or lower
            values are better.
    """

    modes: Mapping[str, Mode]
    full_state_update: bool | None = False

    @abstractmethod
    def update(self, predictions: Sequence[Prediction], targets: Targets) -> None:
        """Update the sums with the predictions and targets of a batch.

        A metric of losses or outputs, such as a perplexity, accepts these keyword arguments as
        well, and computes what it can without them:

        * ``losses: Tensor | None = None``: losses of the head, (B,); None where the predictions do
          not come from the head.
        * ``outputs: Any = None``: outputs of the head; also None for sampling errors.
        """

    @abstractmethod
    def compute(self) -> dict[str, Tensor]:
        """Return scalars by name, including the head's ``monitor``; counts are whole numbers."""

    def details(self) -> list[Table | Matrix]:
        """Return tables and matrices for the report, from the same sums."""
        return []

    def notes(self) -> list[str]:
        """Return sentences on scores that are bad in absolute terms, from the same sums.

        A run ends with those of validation, each after "On val, ".
        """
        return []

    def mode(self, name: str) -> Mode:
        """Return whether higher or lower values of a metric are better; ``min`` for ``loss``."""
        return "min" if name == "loss" else self.modes[name]


def as_number(value: Tensor | float) -> float:
    """Return a metric's value; one of a tensor of whole numbers, a count, is an int."""
    whole = isinstance(value, Tensor) and not value.is_floating_point()
    return int(value) if whole else float(value)


def update(
    metric: HeadMetric,
    predictions: Sequence[Prediction],
    targets: Targets,
    *,
    losses: Tensor | None = None,
    outputs: Any = None,
) -> None:
    """Update a metric, with those of the optional arguments that its class accepts."""
    # That of the class: torchmetrics wraps that of each metric in a function of its own.
    options = accepted(type(metric).update, losses=losses, outputs=outputs)
    metric.update(predictions, targets, **options)
