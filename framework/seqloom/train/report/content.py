"""What a report is made of. Everything is optional but the title."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqloom.interfaces.head import Matrix, Table


@dataclass(frozen=True)
class WorstExample:
    """An example that the model did badly on.

    Attributes:
        id: of the example.
        origin: where it was read, as text; empty if it was not read from a file.
        loss: of this example; NaN counts as the worst.
        html: what `Head.render` gave: escaped already, and shown as it is.
    """

    id: str
    origin: str
    loss: float
    html: str

    @property
    def rank(self) -> float:
        """The loss, with NaN above all."""
        return math.inf if math.isnan(self.loss) else self.loss


@dataclass
class Report:
    """The facts of a run.

    Attributes:
        title: of the run.
        config: the resolved config, plain types.
        summary: names with values for the top of the page: device, time, parameters, tokens/s.
        metrics: final metrics by split and name.
        monitor: the metric that the run goes by, such as ``f1``, or ``val/f1`` with its split.
        higher_is_better: of that metric.
        history: rows of ``metrics.jsonl``: ``step``, ``epoch`` and metrics such as ``train/loss``.
        lengths: of the sequences, in steps, by split.
        fill: the share of the training batches that is not padding, in [0, 1].
        tables: of the head, such as scores by type; a column ``f1`` is drawn as bars.
        matrices: of the head; drawn as heat maps.
        worst: examples with a great loss, in any order.
        skipped: where an example is that was left out, and why.
        plugins: name, distribution, version and the like of each.
    """

    title: str
    config: Mapping[str, Any] = field(default_factory=dict)
    summary: Sequence[tuple[str, str]] = ()
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    monitor: str = ""
    higher_is_better: bool = True
    history: Sequence[Mapping[str, Any]] = ()
    lengths: Mapping[str, Sequence[int]] = field(default_factory=dict)
    fill: float | None = None
    tables: Sequence[Table] = ()
    matrices: Sequence[Matrix] = ()
    worst: Sequence[WorstExample] = ()
    skipped: Sequence[tuple[str, str]] = ()
    plugins: Sequence[Mapping[str, Any]] = ()

    @property
    def monitor_key(self) -> str:
        """The monitored metric as the history names it; empty if none is monitored."""
        return self.monitor if "/" in self.monitor or not self.monitor else f"val/{self.monitor}"

    @property
    def monitor_name(self) -> str:
        """The monitored metric without its split."""
        return self.monitor.rpartition("/")[2]
