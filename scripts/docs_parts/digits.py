"""An RNN and an LSTM that recognize digits from the path of a pen, from docs/results.md."""

from __future__ import annotations

from typing import Any

from _results import scores

SECTION = "pendigits: digits from the pen's trajectory"
MODELS = {"RNN": "rnn", "LSTM": "lstm"}


def measure() -> dict[str, Any]:
    """Return the test accuracy of each model."""
    rows = [
        {"name": name, "series": series, **scores(SECTION, model)}
        for series, (name, model) in enumerate(MODELS.items(), 1)
    ]
    return {
        "drawing": "dots",
        "title": "Every seed of the LSTM recognizes more digits than any of the RNN",
        "x": {"label": "accuracy on test, percent", "range": [96, 100]},
        "rows": rows,
    }
