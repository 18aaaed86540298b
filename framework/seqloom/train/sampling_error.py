"""The sampling error of metrics: how far they would differ on another split of the same size."""

from __future__ import annotations

import math
import statistics
import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from itertools import chain

import torch

from seqloom.interfaces import Prediction, Targets
from seqloom.interfaces.metric import HeadMetric, update
from seqloom.train.ranks.distributed import gathered

GROUPS = 20
"""Number of groups of examples; each is left out once."""

FEWEST = 5
"""Number of groups below which an error would be a guess."""


class SamplingError:
    """Estimates standard errors of metrics by the jackknife over groups of examples.

    The metrics are computed without each group in turn. Their spread gives the standard error;
    Efron and Stein 1981, "The jackknife estimate of variance". This needs no formula for a metric,
    only that its states are sums over examples. An example's group follows from its id, so the
    result does not depend on the batches, nor on the number of ranks; every rank must request it.

    Args:
        make: Function that returns a new metric, which gathers its states from all ranks.
    """

    def __init__(self, make: Callable[[], HeadMetric]) -> None:
        self.make = make
        self.groups: dict[int, HeadMetric] = {}

    def update(
        self,
        predictions: Sequence[Prediction],
        targets: Targets,
        losses: torch.Tensor | None = None,
    ) -> None:
        """Add the predictions, targets and losses (B,) of a batch."""
        places: dict[int, list[int]] = {}
        for place, name in enumerate(targets.ids):
            places.setdefault(zlib.crc32(name.encode("utf-8", "replace")) % GROUPS, []).append(
                place
            )
        for group, own in places.items():
            metric = self.groups.get(group) or self.groups.setdefault(group, self.make())
            found = [predictions[place] for place in own]
            part = losses if losses is None else losses[own]
            update(metric, found, _part(targets, own), losses=part)

    def compute(self) -> dict[str, float]:
        """Return the standard errors by metric; empty for too few examples."""
        groups = sorted(set(chain(*gathered(list(self.groups)))))
        if len(groups) < FEWEST:
            return {}
        metric = self.make()
        without = [self._without(group, metric) for group in groups]
        names = without[0]
        errors = {name: jackknife_error([one[name] for one in without]) for name in names}
        return {name: error for name, error in errors.items() if math.isfinite(error)}

    def _without(self, left_out: int, metric: HeadMetric) -> Mapping[str, float]:
        metric.reset()
        for group, other in self.groups.items():
            if group != left_out:
                metric.merge_state(other)
        with warnings.catch_warnings():
            # For torchmetrics, merged states are no update; a rank may also have none.
            warnings.filterwarnings("ignore", "The ``compute`` method of metric", UserWarning)
            return {name: float(value) for name, value in metric.compute().items()}


def _part(targets: Targets, places: Sequence[int]) -> Targets:
    """Return the targets of some of a batch's examples."""
    index = torch.tensor(places)
    return Targets(
        {name: one.index_select(0, index.to(one.device)) for name, one in targets.tensors.items()},
        {name: one.index_select(0, index) for name, one in targets.lengths.items()},
        [targets.ids[place] for place in places],
    )


def jackknife_error(values: Sequence[float]) -> float:
    """Return the standard error of an estimate from its values without each group.

    >>> jackknife_error([0.5, 0.75, 0.625])
    0.14433756729740643
    """
    n, mean = len(values), statistics.fmean(values)
    return math.sqrt((n - 1) / n * math.fsum((value - mean) ** 2 for value in values))
