"""One example: what a reader gives and everything else is about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an example was read, for messages: a file and the line (from 1) where it starts."""

    file: str
    line: int | None = None

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


@dataclass(slots=True)
class Example:
    """A named bundle of raw values: ``tokens``, ``text``, ``image``, ``label`` and so on.

    Attributes:
        id: unique in its data set, and the same whenever the data set is read.
        fields: the raw values by name; a head names the one that it predicts.
        origin: where it was read, if it was read from a file.
        meta: anything else worth keeping; never looked at in training.
    """

    id: str
    fields: dict[str, Any]
    origin: Origin | None = None
    meta: dict[str, Any] = field(default_factory=dict)


Prediction = dict[str, Any]
"""One example's prediction: plain types only, ready for JSON, with its confidences in [0, 1]."""
