"""Significance tests: a paired t-test for each row, corrected for the number of rows."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from importlib.util import find_spec


def has_scipy() -> bool:
    """Return whether SciPy is installed, which the tests need."""
    return find_spec("scipy") is not None


def paired_p(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Return the two-sided p of the paired t-test.

    Args:
        pairs: The two values of each seed.

    Returns:
        The p value; 1 if the values are equal; None if there is no test, because there are fewer
        than two pairs or all differences are equal.
    """
    differences = [first - second for first, second in pairs]
    if len(differences) < 2:
        return None
    if not any(differences):
        return 1.0
    scale = max(abs(value) for pair in pairs for value in pair)
    deviation = statistics.stdev(differences)
    if deviation <= 1e-12 * scale:  # constant up to rounding
        return None
    from scipy.special import stdtr  # scipy.stats takes a second to import

    t = statistics.fmean(differences) / (deviation / math.sqrt(len(differences)))
    return float(2 * stdtr(len(differences) - 1, -abs(t)))


def holm(ps: Sequence[float | None]) -> list[float | None]:
    """Return p values corrected for multiple tests by Holm's step-down method.

    >>> [p and round(p, 6) for p in holm([0.01, None, 0.04, 0.03])]
    [0.03, None, 0.06, 0.06]
    """
    made = sorted((p, i) for i, p in enumerate(ps) if p is not None)
    corrected: list[float | None] = [None] * len(ps)
    highest = 0.0
    for step, (p, i) in enumerate(made):
        highest = max(highest, min(1.0, p * (len(made) - step)))
        corrected[i] = highest
    return corrected
