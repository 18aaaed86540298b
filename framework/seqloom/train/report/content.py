"""The content of a report, and curves from the rows of its metrics."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqloom.interfaces.head import Matrix, Table

Rows = Sequence[Mapping[str, Any]]
Curve = list[tuple[float, float]]


@dataclass(frozen=True)
class ShownExample:
    """An example with its prediction.

    Attributes:
        id: Id of the example.
        origin: File and line, as text; empty if it was not read from a file.
        loss: Loss of the example; NaN ranks highest.
        html: Markup that `HeadCodec.render` returned, which is already escaped.
    """

    id: str
    origin: str
    loss: float
    html: str

    @property
    def rank(self) -> float:
        """The loss, with NaN ranking highest."""
        return math.inf if math.isnan(self.loss) else self.loss


@dataclass
class Report:
    """The content of a report. Everything except the title is optional.

    Attributes:
        title: Title of the run.
        config: Resolved config, plain types.
        summary: Names and values for the top of the page: device, time, parameters, tokens/s.
        metrics: Final metrics by split and name.
        monitor: Monitored metric, such as ``f1``, or ``val/f1`` with its split.
        higher_is_better: Whether higher values of it are better.
        best_epoch: Epoch of the best checkpoint, counted from 1; None: it is found in the history.
        history: Rows of ``metrics.jsonl``: ``step``, ``epoch``, counted from 1, and metrics such as
            ``train/loss``.
        lengths: Lengths of the sequences in steps, by split.
        target_lengths: Lengths of the targets, by split, of a head whose targets are sequences.
        fill: Share of the training batches that is not padding, in [0, 1].
        tables: Tables of the head, such as scores by type; a column ``f1`` is drawn as bars.
        matrices: Matrices of the head; drawn as heat maps.
        worst: Examples with large losses, in any order.
        samples: Examples chosen at random.
        skipped: Location of each skipped example, and the reason.
        plugins: Name, distribution, version and so on of each plugin.
    """

    title: str
    config: Mapping[str, Any] = field(default_factory=dict)
    summary: Sequence[tuple[str, str]] = ()
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    monitor: str = ""
    higher_is_better: bool = True
    best_epoch: int | None = None
    history: Sequence[Mapping[str, Any]] = ()
    lengths: Mapping[str, Sequence[int]] = field(default_factory=dict)
    target_lengths: Mapping[str, Sequence[int]] = field(default_factory=dict)
    fill: float | None = None
    tables: Sequence[Table] = ()
    matrices: Sequence[Matrix] = ()
    worst: Sequence[ShownExample] = ()
    samples: Sequence[ShownExample] = ()
    skipped: Sequence[tuple[str, str]] = ()
    plugins: Sequence[Mapping[str, Any]] = ()

    @property
    def monitor_key(self) -> str:
        """The key of the monitored metric in the history; empty if none is monitored."""
        return self.monitor if "/" in self.monitor or not self.monitor else f"val/{self.monitor}"

    @property
    def monitor_name(self) -> str:
        """The monitored metric without its split."""
        return self.monitor.rpartition("/")[2]


def curve(rows: Rows, name: str, along: str = "step") -> Curve:
    """Return the finite values of a metric with their steps (or epochs), in order.

    >>> curve([{"step": 1, "loss": 2.5}, {"step": 2, "loss": float("nan")}], "loss")
    [(1.0, 2.5)]
    """
    found = [
        (float(row[along]), float(row[name]))
        for row in rows
        if is_number(row.get(along)) and is_number(row.get(name))
    ]
    return sorted(point for point in found if all(map(math.isfinite, point)))


def thinned(points: Curve, most: int = 400) -> Curve:
    """Return at most this many points, each the mean of its neighbours.

    >>> thinned([(1.0, 2.0), (2.0, 4.0), (3.0, 1.0), (4.0, 1.0)], most=2)
    [(1.5, 3.0), (3.5, 1.0)]
    """
    width = math.ceil(len(points) / most)
    if width <= 1:
        return points
    chunks = [points[i : i + width] for i in range(0, len(points), width)]
    return [(sum(x for x, _ in c) / len(c), sum(y for _, y in c) / len(c)) for c in chunks]


def best(points: Curve, higher_is_better: bool) -> tuple[float, float]:
    """Return the best point of a curve that has points, the first among equals."""
    return (max if higher_is_better else min)(points, key=lambda point: point[1])


def best_row(report: Report) -> Mapping[str, Any] | None:
    """Return the row of the history with the best value of the monitored metric.

    Of equal values it is the one with the smaller validation loss, as for the best checkpoint. In
    the report's ``best_epoch``, if it is known.
    """
    key, sign = report.monitor_key, 1 if report.higher_is_better else -1
    rows = [row for row in report.history if _is_finite(row.get(key))]
    own = [row for row in rows if report.best_epoch in (row.get("epoch"), None)]

    def rank(row: Mapping[str, Any]) -> tuple[float, float]:
        loss: Any = row.get("val/loss")
        return sign * row[key], -loss if _is_finite(loss) else -math.inf

    return max(own or rows, key=rank, default=None)


def _is_finite(value: Any) -> bool:
    return is_number(value) and math.isfinite(value)


def counted_from_1(rows: Rows) -> list[dict[str, Any]]:
    """Return rows of ``metrics.jsonl`` with their epochs counted from 1, as the log counts them."""
    return [
        {**row, "epoch": int(row["epoch"]) + 1} if is_number(row.get("epoch")) else dict(row)
        for row in rows
    ]


def not_finite(rows: Rows) -> list[tuple[str, int, str]]:
    """Return each metric that was NaN or infinite: its name, the count, and the first step.

    >>> not_finite([{"step": 7, "train/loss": float("inf")}])
    [('train/loss', 1, '7')]
    """
    found: dict[str, list[str]] = {}
    for row in rows:
        for name, value in row.items():
            if isinstance(value, float) and not math.isfinite(value):
                found.setdefault(name, []).append(str(row.get("step", "?")))
    return [(name, len(steps), steps[0]) for name, steps in found.items()]


def is_number(value: object) -> bool:
    """Return whether a value is a number, and not a truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool)
