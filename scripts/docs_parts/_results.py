"""The scores of docs/results.md, which scripts/reproduce measured."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "results.md"


def scores(section: str, model: str) -> dict[str, float]:
    """Return the mean test score of a model in percent, its range, and its number of parameters.

    Args:
        section: Heading of the table, up to the colon and after: ``snips: slots``.
        model: First column: ``bilstm sum``.

    Raises:
        ValueError: There is no such row.
    """
    text = PAGE.read_text(encoding="utf-8")
    table = text.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    number = r"([\d.]+)"
    row = rf"^\| {re.escape(model)} \|.*\| {number} \({number}–{number}\) \| \d+ \| ([\d,]+) \|"
    found = re.findall(row, table, re.MULTILINE)
    if len(found) != 1:
        raise ValueError(f"docs/results.md has {len(found)} rows {model!r} below {section!r}.")
    mean, low, high, weights = found[0]
    return {
        "value": float(mean),
        "low": float(low),
        "high": float(high),
        "parameters": int(weights.replace(",", "")),
    }
