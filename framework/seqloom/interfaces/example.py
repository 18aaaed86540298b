"""Examples, which readers yield, and predictions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Origin:
    """Origin of an example, for messages: a file and the line (from 1) in which it starts."""

    file: str
    line: int | None = None

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


@dataclass(slots=True)
class Example:
    """One case of a data set, with named raw values: ``tokens``, ``text``, ``image``, ``label``, ….

    Attributes:
        id: Id, unique in the data set, and the same whenever the data set is read.
        fields: Raw values by name; a head names the one that it predicts.
        origin: File and line, if it was read from a file.
        meta: Other data; not used in training.
    """

    id: str
    fields: dict[str, Any]
    origin: Origin | None = None
    meta: dict[str, Any] = field(default_factory=dict)


Prediction = dict[str, Any]
"""Prediction for one example: a dict of JSON types, with confidences in [0, 1]."""
