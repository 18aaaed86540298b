"""Predictions as plain types: from arrays to entities, with what the example knows, and as rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from seqloom.interfaces import Example, Prediction
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


def describe(example: Example, prediction: Prediction) -> Prediction:
    """Return the prediction with ``tokens``, and its entities with their texts."""
    tokens = list(example.fields["tokens"])
    entities = [_with_text(example, tokens, entity) for entity in prediction["entities"]]
    return {**prediction, "tokens": tokens, "entities": entities}


def _with_text(example: Example, tokens: Sequence[str], entity: dict[str, Any]) -> dict[str, Any]:
    start, end = entity["start"], entity["end"]
    text, offsets = example.fields.get("text"), example.meta.get("offsets")
    if text is None or offsets is None:
        return {**entity, "text": " ".join(tokens[start:end])}
    first, last = int(offsets[start][0]), int(offsets[end - 1][1])
    return {**entity, "text": text[first:last], "start_char": first, "end_char": last}


def columns(example: Example, prediction: Prediction) -> list[list[str]]:
    """Return a row for each token: token, tag, confidence of its entity or nothing."""
    confidences = [""] * len(prediction["tags"])
    for entity in prediction["entities"]:
        if "confidence" in entity:
            span = slice(entity["start"], entity["end"])
            confidences[span] = [f"{entity['confidence']:.4f}"] * (entity["end"] - entity["start"])
    rows = zip(example.fields["tokens"], prediction["tags"], confidences, strict=True)
    return [list(row) for row in rows]
