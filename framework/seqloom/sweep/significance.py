"""Whether a difference is more than chance: the paired t-test, corrected for many tests."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from importlib.util import find_spec


def has_scipy() -> bool:
    """Return whether tests can be made."""
    return find_spec("scipy") is not None


def paired_p(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Return the two-sided p of the paired t-test.

    Args:
        pairs: of the two values of each seed.

    Returns:
        The p; 1 if there is no difference at all; None where there is no test: of fewer than two
        pairs, or if all differ by exactly as much.
    """
    differences = [first - second for first, second in pairs]
    if len(differences) < 2:
        return None
    if not any(differences):
        return 1.0
    scale = max(abs(value) for pair in pairs for value in pair)
    deviation = statistics.stdev(differences)
    if deviation <= 1e-12 * scale:  # constant, but for rounding in the differences
        return None
    from scipy.special import stdtr  # scipy.stats takes a second to import

    t = statistics.fmean(differences) / (deviation / math.sqrt(len(differences)))
    return float(2 * stdtr(len(differences) - 1, -abs(t)))


def holm(ps: Sequence[float | None]) -> list[float | None]:
    """Return p values corrected by Holm's step-down method for how many there are.

    >>> [p and round(p, 6) for p in holm([0.01, None, 0.04, 0.03])]
    [0.03, None, 0.06, 0.06]
    """
    made = sorted((p, i) for i, p in enumerate(ps) if p is not None)
    corrected: list[float | None] = [None] * len(ps)
    highest = 0.0
    for rank, (p, i) in enumerate(made):
        highest = max(highest, min(1.0, p * (len(made) - rank)))
        corrected[i] = highest
    return corrected
