"""How metrics are printed. The module imports no torch, since commands import it as they start."""

from __future__ import annotations

from collections.abc import Mapping


def scores_line(metrics: Mapping[str, float]) -> str:
    """Return the names and values of metrics in a line: counts as they are, others rounded.

    >>> scores_line({"f1": 0.5, "ill_formed": 13, "loss": 2.0})
    'f1 0.5000  ill_formed 13  loss 2.0000'
    """
    return "  ".join(
        f"{name} {value}" if isinstance(value, int) else f"{name} {value:.4f}"
        for name, value in metrics.items()
    )
