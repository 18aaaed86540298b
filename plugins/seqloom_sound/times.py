"""The times of a prediction: of the part of a sound that was read, and of the words in it."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from seqloom.interfaces import Example, Prediction
from seqloom_sound.sound import seconds_of


def with_times(example: Example, field: str, prediction: Prediction) -> Prediction:
    """Return a prediction with times in seconds from the start of the file.

    They are ``start`` and ``end`` of what was read, for parts of a sound and for texts; and, where
    the head says where the characters are (``head=ctc``), the ``words`` with those of each and the
    product of their characters' confidences.

    Args:
        example: Example that was read.
        field: Field with the sound.
        prediction: Prediction of the head, described.
    """
    fields = example.fields
    if "text" not in prediction and "start" not in fields:
        return prediction
    sound = fields[field]
    start = float(fields.get("start", getattr(sound, "offset", 0.0)))
    end = float(fields["end"]) if "end" in fields else start + seconds_of(sound)
    found = {**prediction, "start": round(start, 3), "end": round(end, 3)}
    characters: Sequence[dict[str, Any]] = prediction.get("characters", [])
    if "words" not in prediction and "characters" in prediction:
        found["words"] = [_word(one, start, end) for one in _grouped(characters)]
    return found


def _grouped(characters: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Return the characters of each word."""
    groups: list[list[dict[str, Any]]] = [[]]
    for one in characters:
        if one["character"].isspace():
            groups.append([])
        else:
            groups[-1].append(one)
    return [group for group in groups if group]


def _word(characters: Sequence[dict[str, Any]], start: float, end: float) -> dict[str, Any]:
    """Return a word with its times; those of characters are shares of what was read."""
    length = end - start
    return {
        "text": "".join(one["character"] for one in characters),
        "confidence": prod(one["confidence"] for one in characters),
        "start": round(start + length * characters[0]["start"], 3),
        "end": round(start + length * characters[-1]["end"], 3),
    }
