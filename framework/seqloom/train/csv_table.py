"""Keep the table of Lightning's CSV logger when a run is resumed: Lightning would remove it.

Until the rows that are kept are written, they are in a file of another name, which the next attempt
finds if this one is killed.
"""

from __future__ import annotations

import csv
import logging
import warnings
from pathlib import Path
from typing import Any

from seqloom.files import atomic_file

log = logging.getLogger("seqloom")

TABLE, FORMER = "metrics.csv", "metrics.csv.former"
NOTICE = "Experiment logs directory .* exists and is not empty"


def keep_rows(logger: Any, steps: int) -> None:
    """Keep the rows of the steps that are not trained again.

    Args:
        logger: Lightning's CSV logger, which has not logged yet.
        steps: Number of steps before the checkpoint that the run is resumed from.

    Raises:
        RunError: The table cannot be written.
    """
    path = Path(logger.log_dir) / TABLE
    former = path.with_name(FORMER)
    if path.is_file() and not former.exists():
        path.replace(former)
    names, rows = _read(former)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=NOTICE)
        experiment = logger.experiment  # Lightning removes the table here
    kept = [row for row in rows if _is_before(row, steps)]
    if kept:
        with atomic_file(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(kept)
        experiment.metrics_keys = names
    former.unlink(missing_ok=True)


def _read(path: Path) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the columns and the rows of a table; none if it is missing or damaged."""
    if not path.is_file():
        return [], []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            return list(reader.fieldnames or ()), list(reader)
    except (OSError, ValueError, csv.Error) as error:
        log.warning("%s cannot be read: the table starts again. (%s)", path, str(error))
        return [], []


def _is_before(row: dict[str, Any], steps: int) -> bool:
    """Return whether a row is whole, and of a step before the checkpoint."""
    step = row.get("step")
    whole = None not in row and None not in row.values()
    return whole and isinstance(step, str) and step.isdecimal() and int(step) < steps
