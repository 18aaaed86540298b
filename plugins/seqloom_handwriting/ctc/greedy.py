"""Best-path decoding: the most probable class of each frame, repeats and blanks taken out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from seqloom.nn import length_mask
from seqloom_handwriting.ctc.loss import BLANK


@dataclass(frozen=True)
class Reading:
    """What was read of one line.

    Attributes:
        labels: classes from 1, one a character.
        spans: the frames [start, end) of each.
    """

    labels: list[int]
    spans: list[tuple[int, int]]


def best_path(logits: Tensor, lengths: Tensor) -> list[list[int]]:
    """Return the labels of the best path of each row of (B, T, C); frames beyond it do not count.

    >>> best_path(torch.eye(3)[[1, 1, 0, 1, 2]][None], torch.tensor([5]))
    [[1, 1, 2]]
    """
    return [reading.labels for reading in best_readings(logits, lengths)]


def best_readings(logits: Tensor, lengths: Tensor) -> list[Reading]:
    """Return the best path of each row of (B, T, C) with the frames of its labels."""
    classes = logits.argmax(-1)  # (B, T)
    classes = classes.masked_fill(~length_mask(lengths, classes.shape[1], classes.device), BLANK)
    edge = torch.full_like(classes[:, :1], BLANK)
    starts = (classes != torch.cat([edge, classes[:, :-1]], 1)) & (classes != BLANK)
    ends = (classes != torch.cat([classes[:, 1:], edge], 1)) & (classes != BLANK)
    rows, first = starts.nonzero(as_tuple=True)
    last = ends.nonzero(as_tuple=True)[1] + 1
    sizes = starts.sum(1).tolist()
    labels = classes[rows, first].tolist()
    spans = list(zip(first.tolist(), last.tolist(), strict=True))
    readings, start = [], 0
    for size in sizes:
        readings.append(Reading(labels[start : start + size], spans[start : start + size]))
        start += size
    return readings
