"""Predictions as plain types: from arrays to entities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from seqloom.interfaces import Prediction
from seqloom_ner.spans import Ints, types_of


def predictions(
    tags: Ints,
    lengths: Tensor,
    spans: Ints,
    confidences: Sequence[float] | None,
    names: Sequence[str],
) -> list[Prediction]:
    """Return B predictions of (B, T) numbered tags and the (N, 4) spans in them."""
    types = types_of(names)
    named = np.array(names, dtype=object)[tags]
    found: list[Prediction] = [
        {"tags": row[:length].tolist(), "entities": []}
        for row, length in zip(named, lengths.tolist(), strict=True)
    ]
    for position, (row, start, end, kind) in enumerate(spans.tolist()):
        entity = {"type": types[kind], "start": start, "end": end}
        if confidences is not None:
            entity["confidence"] = confidences[position]
        found[row]["entities"].append(entity)
    return found
