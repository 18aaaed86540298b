"""The interface of a head's metric. It imports torchmetrics, which predicting can do without."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

from torch import Tensor
from torchmetrics import Metric

from seqloom.interfaces.batch import Targets
from seqloom.interfaces.example import Prediction
from seqloom.interfaces.head import Matrix, Mode, Table


class HeadMetric(Metric):
    """A ``torchmetrics.Metric`` of predictions, whose states are sums over examples.

    As sums they are the same whatever the batches, and over any number of ranks.

    Attributes:
        modes: for every metric that ``compute`` returns, whether more (``max``) or less (``min``)
            of it is better.
    """

    modes: Mapping[str, Mode]
    full_state_update: bool | None = False

    @abstractmethod
    def update(self, predictions: Sequence[Prediction], targets: Targets) -> None:
        """Count what ``decode`` returned for a batch against its targets."""

    @abstractmethod
    def compute(self) -> dict[str, Tensor]:
        """Return scalars by name, the head's ``monitor`` among them."""

    def details(self) -> list[Table | Matrix]:
        """Return tables and matrices for the report, from the same sums."""
        return []

    def mode(self, name: str) -> Mode:
        """Return whether more or less of a metric is better; of ``loss``, less is."""
        return "min" if name == "loss" else self.modes[name]
