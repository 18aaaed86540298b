"""How far a sweep has come."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seqloom.sweep.columns import states
from seqloom.sweep.ledger import Trial, counted, is_number, read_plan


def standing(folder: Path, trials: Sequence[Trial]) -> str:
    """Return how many trials of a sweep are done, failed …: ``2 done, 1 not begun of 3``.

    Args:
        folder: of the sweep.
        trials: all that it has.
    """
    from seqloom.train.lease import holder

    planned = read_plan(folder).get("expected")
    expected = int(planned) if planned is not None and is_number(planned) else 0
    total = max(len(trials), expected)
    if not total:
        return "No trials yet"
    counts = counted(trials)
    to_come = counts.pop("waiting", 0) + total - len(trials)
    if to_come:  # nobody begins them as long as no process leads the sweep
        counts["waiting" if holder(folder) else "not begun"] = to_come
    return f"{states(counts)} of {total}"
