"""Whether training went on for long enough to tell which row is the best."""

from __future__ import annotations

import math
from collections.abc import Sequence

from seqloom.sweep.ledger import Trial
from seqloom.sweep.optuna.curves import by_epoch


def still_rising(trials: Sequence[Trial], metric: str, higher_is_better: bool) -> str:
    """Return a note if the last epoch of most trials was better than all before it; else nothing.

    Args:
        trials: of the best row; those that are not done do not count.
        metric: on the validation split.
        higher_is_better: of the metric.
    """
    curves = [by_epoch(trial.folder, f"val/{metric}") for trial in trials if trial.done]
    sign = 1 if higher_is_better else -1
    rose = [_rose([sign * curve[epoch] for epoch in sorted(curve)]) for curve in curves]
    if 2 * sum(rose) <= len(rose):
        return ""
    verb = "rose" if higher_is_better else "fell"
    return (
        f"The best row's val {metric} still {verb} in its last epoch: train for longer before you "
        "choose."
    )


def _rose(values: Sequence[float]) -> bool:
    finite = [value for value in values if math.isfinite(value)]
    return len(finite) > 1 and finite[-1] > max(finite[:-1])
