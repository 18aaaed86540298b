"""Notes on how a training went: what its user should know before keeping the model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from seqloom.errors import plural
from seqloom.train.monitor import Monitor

OVERFITTED = 1.2
"""Ratio of the last validation loss to the lowest from which a rise is worth a note."""

UNCERTAIN = 0.05
"""Two standard errors of a score on val from which its uncertainty is worth a note."""

SETTLED = 2
"""Number of epochs after the lowest validation loss before a rise counts as one."""


def still_improves(values: Sequence[float], *, higher_is_better: bool) -> bool:
    """Return whether the last of some values is better than all before it.

    >>> still_improves([0.5, 0.4, 0.6], higher_is_better=True)
    True
    >>> still_improves([0.6], higher_is_better=True)
    False
    """
    sign = 1 if higher_is_better else -1
    finite = [sign * value for value in values if math.isfinite(value)]
    return len(finite) > 1 and finite[-1] > max(finite[:-1])


def run_notes(
    rows: Sequence[Mapping[str, Any]], monitor: Monitor, *, patience: int | None, stopped: bool
) -> list[str]:
    """Return notes on a run.

    Args:
        rows: Rows of its ``metrics.jsonl``.
        monitor: Monitored metric.
        patience: Patience of its early stopping, in validations; None without.
        stopped: Whether early stopping ended it.
    """
    scores, losses = by_epoch(rows, monitor.key), by_epoch(rows, "val/loss")
    if not scores:
        return []
    notes = []
    values = [*scores.values()]
    if still_improves(values, higher_is_better=monitor.higher_is_better):
        verb = "rose" if monitor.higher_is_better else "fell"
        notes.append(
            f"val {monitor.name} still {verb} in the last epoch ({max(scores)}): train for longer, "
            f"with trainer.max_epochs={2 * max(scores)}."
        )
    elif len(values) > 1 and not any(values) and monitor.higher_is_better:
        notes.append(
            f"val {monitor.name} was 0 in every epoch: nothing was learned. Train for longer, or "
            "change optimizer.lr."
        )
    elif patience is not None and not stopped and len(values) <= patience and len(values) > 1:
        notes.append(
            f"Early stopping could not act: its patience is {patience} validations, but there were "
            f"only {len(values)}."
        )
    return [*notes, *_overfitting(losses)]


def sampling_notes(monitor: Monitor, error: float | None, examples: int) -> list[str]:
    """Return a note if the score on val says little because val is small.

    Args:
        monitor: Monitored metric.
        error: Standard error of its value on val due to the choice of the examples, if known.
        examples: Number of examples of val.
    """
    if error is None or monitor.name == "loss" or 2 * error < UNCERTAIN:
        return []
    return [
        f"val {monitor.name} is uncertain by ±{2 * error:.3f}, two standard errors of the "
        f"{examples} {plural(examples, 'example')} of val: smaller differences between models may "
        "be chance. Use more "
        "examples for val, or the mean over several splits."
    ]


def baseline_notes(
    monitor: Monitor,
    metrics: Mapping[str, Mapping[str, float]],
    baselines: Mapping[str, Mapping[str, Mapping[str, float]]],
) -> list[str]:
    """Return a note if a simple model is as good as the network on val.

    Args:
        monitor: Monitored metric.
        metrics: The network's metrics by split.
        baselines: Metrics by simple model, split and name.
    """
    own = metrics.get("val", {}).get(monitor.name)
    scores = {name: one.get("val", {}).get(monitor.name) for name, one in baselines.items()}
    known = {name: score for name, score in scores.items() if score is not None}
    if own is None or not known:
        return []
    sign = 1 if monitor.higher_is_better else -1
    best = max(known, key=lambda name: sign * known[name])
    if sign * known[best] < sign * own:
        return []
    return [
        f"val {monitor.name} is {own:.4f}, and {known[best]:.4f} by {best}: the network adds "
        "nothing to the simpler model. More examples, or pretrained vectors, may change that."
    ]


def _overfitting(losses: Mapping[int, float]) -> list[str]:
    finite = {epoch: loss for epoch, loss in losses.items() if math.isfinite(loss)}
    if not finite:
        return []
    lowest, last = min(finite, key=lambda epoch: (finite[epoch], epoch)), max(finite)
    if finite[lowest] < 0:  # a ratio says nothing of such a loss
        return []
    if last - lowest < SETTLED or finite[last] < OVERFITTED * finite[lowest]:
        return []
    return [
        f"val loss rose from {finite[lowest]:.4f} in epoch {lowest} to {finite[last]:.4f} in epoch "
        f"{last}: the model overfits. Try more data, more dropout or fewer parameters."
    ]


def by_epoch(rows: Sequence[Mapping[str, Any]], name: str) -> dict[int, float]:
    """Return a metric's last value in each epoch, counted from 1; NaN where it was not finite."""
    found = {
        int(row["epoch"]) + 1: row[name]
        for row in rows
        if name in row and isinstance(row.get("epoch"), int | float)
    }
    return {
        epoch: float(value) if isinstance(value, int | float) else math.nan
        for epoch, value in found.items()
    }
