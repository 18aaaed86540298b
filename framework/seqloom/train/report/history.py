"""Curves from the rows of a run's metrics."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

Rows = Sequence[Mapping[str, Any]]
Curve = list[tuple[float, float]]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def curve(rows: Rows, name: str, along: str = "step") -> Curve:
    """Return the finite values of a metric with their steps (or epochs), in order.

    >>> curve([{"step": 1, "loss": 2.5}, {"step": 2, "loss": float("nan")}], "loss")
    [(1.0, 2.5)]
    """
    found = [
        (float(row[along]), float(row[name]))
        for row in rows
        if _is_number(row.get(along)) and _is_number(row.get(name))
    ]
    return sorted(point for point in found if all(map(math.isfinite, point)))


def thinned(points: Curve, most: int = 400) -> Curve:
    """Return at most that many points, each the mean of its neighbours.

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


def not_finite(rows: Rows) -> list[tuple[str, int, str]]:
    """Return each metric that was NaN or infinite: its name, how often, and the first step.

    >>> not_finite([{"step": 7, "train/loss": float("inf")}])
    [('train/loss', 1, '7')]
    """
    found: dict[str, list[str]] = {}
    for row in rows:
        for name, value in row.items():
            if isinstance(value, float) and not math.isfinite(value):
                found.setdefault(name, []).append(str(row.get("step", "?")))
    return [(name, len(steps), steps[0]) for name, steps in found.items()]
