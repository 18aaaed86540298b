"""What every head promises of its metrics: sums over examples, on any number of ranks."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import torch
from torch import Tensor, distributed

from seqloom.interfaces import (
    Example,
    Head,
    HeadCodec,
    HeadMetric,
    Matrix,
    Prediction,
    Table,
    Targets,
)
from seqloom.interfaces.metric import update
from seqloom.testing.compare import (
    ConformanceError,
    NotApplicable,
    require,
    require_equal,
    require_same,
)
from seqloom.testing.head_search import DRAWS, drawn, place_of, trials
from seqloom.testing.heads import HeadCase, targets
from seqloom.testing.ranks import on_two_ranks
from seqloom.train.evaluator import gather_states

LOSS = "loss"

Part = tuple[list[Prediction], Targets, Tensor] | None
"""What a rank counts: predictions with their targets and losses, or nothing."""

Judged = tuple[list[Prediction], Example, Example]
"""The prediction of one example, it with the target predicted, and with another."""

Counted = tuple[dict[str, Tensor], list[dict[str, Any]]]
"""What a metric computes, and its details."""


def check_metrics(case: HeadCase) -> None:
    """Metrics do not depend on batching, and ``monitor`` is one of them, or the loss.

    The monitored metric needs no confidences. If it is known which target a prediction names, it
    is better for that target than for another. ``reset`` forgets all examples.
    """
    head, codec = _head(case)
    whole, pieces = head.metrics(), head.metrics()
    everything = _part(case, head, codec, case.rows)
    _add(whole, everything)
    for row in reversed(case.rows):
        _add(pieces, _part(case, head, codec, [row]))
    values, others = whole.compute(), pieces.compute()
    require(
        head.monitor in {*values, LOSS},
        f"monitor is {head.monitor!r}; compute() returns {sorted(values)}",
    )
    _require_modes(whole, values)
    for name, value in values.items():
        require_equal(
            torch.as_tensor(others[name]), torch.as_tensor(value), f"{name}, example by example"
        )
    details = whole.details()
    require(isinstance(details, list), f"details() is {details!r}, expected a list")
    whole.reset()
    _add(whole, everything)
    for name, value in whole.compute().items():
        require_equal(
            torch.as_tensor(value), torch.as_tensor(values[name]), f"{name} after reset()"
        )
    if head.monitor != LOSS:
        _require_no_need_of_confidences(case, head, codec, values)
        _require_judges(case, head, codec)


def _part(
    case: HeadCase, head: Head, codec: HeadCodec, rows: Sequence[int], scores: bool = True
) -> tuple[list[Prediction], Targets, Tensor]:
    """Return the predictions of some examples, their targets and their losses."""
    losses = case.losses(head, codec, rows).detach()
    return case.decoded(head, rows, scores), case.targets(codec, rows), losses


def _add(metric: HeadMetric, part: tuple[list[Prediction], Targets, Tensor]) -> None:
    predictions, wanted, losses = part
    update(metric, predictions, wanted, losses=losses)


def _require_modes(metric: HeadMetric, values: dict[str, Tensor]) -> None:
    modes = getattr(metric, "modes", {})
    missing = sorted(set(values) - set(modes))
    require(not missing, f"modes has no entry for {missing}, which compute() returns")
    wrong = {name: mode for name, mode in modes.items() if mode not in ("max", "min")}
    require(not wrong, f"modes are {wrong}; expected 'max' or 'min'")


def _require_no_need_of_confidences(
    case: HeadCase, head: Head, codec: HeadCodec, values: dict[str, Tensor]
) -> None:
    brief = head.metrics()
    _add(brief, _part(case, head, codec, case.rows, scores=False))
    others = brief.compute()
    where = f"{head.monitor} after decode(scores=False)"
    require(head.monitor in others, f"no {where}; compute() returns {sorted(others)}")
    found, expected = (torch.as_tensor(each[head.monitor]) for each in (others, values))
    require_equal(found, expected, where)


def _require_judges(case: HeadCase, head: Head, codec: HeadCodec) -> None:
    """Require ``monitor`` to be better for right targets than for wrong ones."""
    try:
        judged = [*_tried(case, codec)]
    except NotApplicable:
        judged = [*_taken_back(case, codec)]
    if not judged:
        return  # it is not known what a prediction means
    right, wrong = head.metrics(), head.metrics()
    for predictions, truth, other in judged:
        right.update(predictions, targets(codec, [truth]))
        wrong.update(predictions, targets(codec, [other]))
    best, worst = (float(metric.compute()[head.monitor]) for metric in (right, wrong))
    wanted = "higher" if head.mode == "max" else "lower"
    require(
        best > worst if head.mode == "max" else best < worst,
        f"{head.monitor} is {best:.4g} if every prediction is right and {worst:.4g} if all are "
        f"wrong; expected {wanted}, as its mode is {head.mode!r}",
    )


def _tried(case: HeadCase, codec: HeadCodec) -> Iterator[Judged]:
    """Yield predictions that name one of the listed targets.

    Raises:
        NotApplicable: The targets cannot be listed.
    """
    for head, tried in trials(case, codec):
        predictions = case.decoded(head, [tried.row])
        place = place_of(case, predictions[0], tried)
        if place is not None:
            yield predictions, tried.examples[place], tried.examples[place - 1]


def _taken_back(case: HeadCase, codec: HeadCodec) -> Iterator[Judged]:
    """Yield predictions that the codec accepts as targets, such as a text."""
    names = (case.params.get("field"), case.kind)
    for draw, row in itertools.product(range(DRAWS), case.rows):
        example = case.examples[row]
        predictions = case.decoded(drawn(case, codec, draw), [row])
        named = {name: predictions[0][name] for name in names if name in predictions[0]}
        truth = replace(example, fields={**example.fields, **named})
        if named and case.takes(codec, row, truth) and repr(truth) != repr(example):
            yield predictions, truth, example


def check_metrics_on_ranks(case: HeadCase) -> None:
    """Metrics are the same on one rank and on two, also with unequal or empty shares.

    So are the tables and matrices of ``details()``.
    """
    head, codec = _head(case)
    parts = [_part(case, head, codec, rows) for rows in (case.rows, case.rows[:1], case.rows[1:])]
    expected = _counted(head.metrics(), parts[0])
    unequal, alone = (parts[1], parts[2]), (None, parts[0])
    for rank, (shared, lonely) in enumerate(on_two_ranks(_on_rank, head, unequal, alone)):
        share = f"{len(case.rows[:1])} and {len(case.rows[1:])} examples"
        _require_same_counts(shared, expected, f"on rank {rank} of two with {share}")
        where = f"on rank {rank} of two, the first without an example"
        _require_same_counts(lonely, expected, where)


def _head(case: HeadCase) -> tuple[Head, HeadCodec]:
    codec = case.codec()
    return case.head(codec), codec


def _on_rank(head: Head, *tasks: Sequence[Part]) -> list[Counted]:
    """Run one rank: return the metrics of both ranks together, for each task."""
    return [_counted(head.metrics(), parts[distributed.get_rank()]) for parts in tasks]


def _counted(metric: HeadMetric, part: Part) -> Counted:
    metric.dist_sync_fn = gather_states  # as in training
    if part is not None:
        _add(metric, part)
    with warnings.catch_warnings():
        # A rank without an example has nothing to add, which is fine.
        warnings.filterwarnings("ignore", "The ``compute`` method of metric", UserWarning)
        values = {name: torch.as_tensor(value).cpu() for name, value in metric.compute().items()}
        return values, [asdict(one) for one in _details(metric)]


def _details(metric: HeadMetric) -> list[Table | Matrix]:
    """Return the details as training computes them."""
    if not distributed.is_initialized():
        return metric.details()
    with metric.sync_context(dist_sync_fn=gather_states):
        return metric.details()


def _require_same_counts(found: Counted, expected: Counted, where: str) -> None:
    _require_same(found[0], expected[0], where)
    require_same(found[1], expected[1], f"details() {where}")


def _require_same(found: dict[str, Tensor], expected: dict[str, Tensor], where: str) -> None:
    if set(found) != set(expected):
        raise ConformanceError(f"{where}: metrics {sorted(found)}, expected {sorted(expected)}")
    for name, value in expected.items():
        require_equal(found[name], value, f"{name} {where}")
