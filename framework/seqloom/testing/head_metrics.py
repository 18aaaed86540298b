"""What every head promises of its metrics: sums over examples, on any number of ranks."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor, distributed
from torchmetrics import Metric

from seqloom.interfaces import Head, HeadCodec, HeadMetric, Prediction, SequenceBatch
from seqloom.testing.compare import ConformanceError, require, require_equal
from seqloom.testing.head_case import HeadCase
from seqloom.testing.ranks import on_two_ranks
from seqloom.train.meter import of_each_rank

Part = tuple[list[Prediction], SequenceBatch] | None
"""What a rank is to count: predictions with their targets, or nothing."""


def check_metrics(case: HeadCase) -> None:
    """Metrics are the same whatever the batches, and ``watch`` is among them."""
    head, codec = _head(case)
    whole, pieces = head.metrics(), head.metrics()
    whole.update(case.decoded(head, case.rows), case.batch(codec, case.rows))
    for row in reversed(case.rows):
        pieces.update(case.decoded(head, [row]), case.batch(codec, [row]))
    values, others = whole.compute(), pieces.compute()
    require(head.watch in values, f"watch is {head.watch!r}; compute() gives {sorted(values)}")
    for name, value in values.items():
        require_equal(
            torch.as_tensor(others[name]), torch.as_tensor(value), f"{name}, example by example"
        )
    require(isinstance(whole.details(), list), "details() is not a list")


def check_metrics_on_ranks(case: HeadCase) -> None:
    """Metrics are the same on one rank and on two: of unequal shares, and where one has nothing."""
    head, codec = _head(case)
    parts = [
        (case.decoded(head, rows), case.batch(codec, rows))
        for rows in (case.rows, case.rows[:1], case.rows[1:])
    ]
    expected = _counted(head.metrics(), parts[0])
    unequal, alone = (parts[1], parts[2]), (None, parts[0])
    for rank, (shared, lonely) in enumerate(on_two_ranks(_on_rank, head, unequal, alone)):
        share = f"{len(case.rows[:1])} and {len(case.rows[1:])} examples"
        _require_same(shared, expected, f"on rank {rank} of two with {share}")
        _require_same(lonely, expected, f"on rank {rank} of two, the first without an example")


def _head(case: HeadCase) -> tuple[Head, HeadCodec]:
    codec = case.codec()
    return case.head(codec), codec


def _on_rank(head: Head, *tasks: Sequence[Part]) -> list[dict[str, Tensor]]:
    """Be one rank: return the metrics of both ranks together, for each task."""
    return [_counted(head.metrics(), parts[distributed.get_rank()]) for parts in tasks]


def _counted(metric: HeadMetric, part: Part) -> dict[str, Tensor]:
    if isinstance(metric, Metric):
        metric.dist_sync_fn = of_each_rank  # as in training
    if part is not None:
        metric.update(*part)
    with warnings.catch_warnings():
        # A rank without an example has nothing to add; there is nothing wrong with that.
        warnings.filterwarnings("ignore", "The ``compute`` method of metric", UserWarning)
        return {name: torch.as_tensor(value).cpu() for name, value in metric.compute().items()}


def _require_same(found: dict[str, Tensor], expected: dict[str, Tensor], where: str) -> None:
    if set(found) != set(expected):
        raise ConformanceError(f"{where}: metrics {sorted(found)}, expected {sorted(expected)}")
    for name, value in expected.items():
        require_equal(found[name], value, f"{name} {where}")
