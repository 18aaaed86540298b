"""Options of this package, importable without torch so that plugins' schemas can use them."""

from __future__ import annotations

from enum import StrEnum


class Merge(StrEnum):
    """How the outputs of two directions, f and b, are merged.

    ``concat`` is torch's ``bidirectional=True``; the others are Keras' ``merge_mode`` ``sum``,
    ``ave`` and ``mul``.
    """

    concat = "concat"  # [f; b], twice as wide
    sum = "sum"  # f + b
    average = "average"  # (f + b) / 2
    multiply = "multiply"  # f * b, element by element


class PoolingMethod(StrEnum):
    """How the states of a sequence are reduced to one vector."""

    summary = "summary"  # the encoder's summary: the last step of each direction, merged
    mean = "mean"  # over the sequence's steps
    max = "max"  # over the sequence's steps, element by element
    mean_max = "mean_max"  # both, concatenated: twice as wide
    summary_mean_max = "summary_mean_max"  # all three, concatenated: three times as wide
    attention = "attention"  # a learned weighted mean
