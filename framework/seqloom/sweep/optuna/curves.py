"""What a trial reported while it trained."""

from __future__ import annotations

import json
import math
from pathlib import Path

FILE = "metrics.jsonl"


def by_epoch(folder: Path, metric: str) -> dict[int, float]:
    """Return a metric after each epoch, counted from 1; NaN where it was no finite number.

    Args:
        folder: of a trial, that another process may be writing to.
        metric: as in ``metrics.jsonl``: ``val/f1``.
    """
    try:
        text = (folder / FILE).read_text(encoding="utf-8")
    except OSError:
        return {}  # it has not come so far
    curve = {}
    for line in text.splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue  # it is being written at this moment
        if metric in row:
            value = row[metric]
            curve[int(row["epoch"]) + 1] = math.nan if value is None else float(value)
    return curve
