"""The times of a prediction: of the part of a sound that was read, and of the words in it."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from seqloom.interfaces import Example, Prediction
from seqloom_sound.sound import SoundFile, seconds_of

SPACE = "▁"
"""Marks the space before a subword."""


def with_times(example: Example, field: str, prediction: Prediction) -> Prediction:
    """Return a prediction with times in seconds from the start of the file.

    They are ``start`` and ``end`` of what was read, for parts of a sound and for texts; and, where
    the head says where its characters or subwords are (``head=ctc``), the ``words`` with those of
    each and the product of their parts' confidences.

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
    if "words" not in prediction and (units := _units(prediction)) is not None:
        found["words"] = [_word(one, start, end) for one in _grouped(units)]
    return found


def part_times(example: Example, field: str) -> list[str]:
    """Return the start and the end of a part of a sound, in seconds; empty for whole sounds.

    Args:
        example: Example that was read.
        field: Field with the sound.
    """
    fields = example.fields
    sound = fields.get(field)
    start, end = fields.get("start"), fields.get("end")
    if start is None and isinstance(sound, SoundFile) and sound.duration is not None:
        start, end = sound.offset, sound.offset + sound.duration
    known = isinstance(start, int | float) and isinstance(end, int | float)
    return [f"{start:.3f}", f"{end:.3f}"] if known else ["", ""]


def _units(prediction: Prediction) -> list[dict[str, Any]] | None:
    """Return the characters or subwords of a text, each with its ``text``, if they have places."""
    if "characters" in prediction:
        return [{**one, "text": one["character"]} for one in prediction["characters"]]
    pieces = prediction.get("pieces")
    known = {"text", "confidence", "start", "end"}
    if pieces is None or not all(known <= one.keys() for one in pieces):
        return None
    return [{**one, "text": one["text"].replace(SPACE, " ")} for one in pieces]


def _grouped(units: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Return the characters or subwords of each word."""
    groups: list[list[dict[str, Any]]] = [[]]
    for one in units:
        text = one["text"].lstrip()
        if text != one["text"]:
            groups.append([])
        if text:
            groups[-1].append({**one, "text": text})
    return [group for group in groups if group]


def _word(units: Sequence[dict[str, Any]], start: float, end: float) -> dict[str, Any]:
    """Return a word with its times; those of its parts are shares of what was read."""
    length = end - start
    return {
        "text": "".join(one["text"] for one in units),
        "confidence": prod(one["confidence"] for one in units),
        "start": round(start + length * units[0]["start"], 3),
        "end": round(start + length * units[-1]["end"], 3),
    }
