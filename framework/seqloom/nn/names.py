"""Options of this package as names, importable without torch: plugins' schemas use them."""

from __future__ import annotations

from enum import StrEnum


class Merge(StrEnum):
    """How the outputs of two directions, f and b, become one.

    ``concat`` is torch's ``bidirectional=True``; the others are Keras' ``merge_mode`` ``sum``,
    ``ave`` and ``mul``.
    """

    concat = "concat"  # [f; b], twice as wide
    sum = "sum"  # f + b
    average = "average"  # (f + b) / 2
    multiply = "multiply"  # f * b, element by element


class PoolingMethod(StrEnum):
    """How the states of a sequence become one vector."""

    summary = "summary"  # the encoder's own: the last step of each direction, merged
    mean = "mean"  # over the sequence's steps
    max = "max"  # over the sequence's steps, unit by unit
    mean_max = "mean_max"  # both, side by side: twice as wide
    attention = "attention"  # a learned weighted mean
