"""The scores that the first command of the front page prints."""

from __future__ import annotations

import json
from typing import Any

from _first_sweep import trained

COLUMNS = ("encoder", "val F1", "test F1", "parameters")


def measure() -> dict[str, Any]:
    """Return a row for each encoder, the best first."""
    text = (trained() / "index.json").read_text(encoding="utf-8")
    trials = sorted(json.loads(text)["trials"], key=lambda one: -one["metrics"]["val"]["f1"])
    rows = [
        [
            trial["overrides"]["encoder"],
            *(f"{trial['metrics'][split]['f1']:.4f}" for split in ("val", "test")),
            trial["parameters"],
        ]
        for trial in trials
    ]
    return {"drawing": "table", "columns": list(COLUMNS), "rows": rows, "best": 0}
