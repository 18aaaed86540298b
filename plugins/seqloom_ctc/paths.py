"""Paths through the frames: CTC's loss, the best path, and the alignment of given labels.

A path is one class a frame; class 0 is the blank. Its labels are its classes with repeats merged
and blanks removed (Graves et al. 2006).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from seqloom.errors import plural
from seqloom.nn import length_mask, zero_padding

BLANK = 0

IMPOSSIBLE = -1e9
"""In place of log probabilities of -inf, so that there always is a best path."""


def ctc_loss(logits: Tensor, lengths: Tensor, targets: Tensor, target_lengths: Tensor) -> Tensor:
    """Return (B,) negative log-likelihoods in nats, in float32 whatever the precision.

    A target that cannot be emitted has an infinite loss: nothing hides it.

    Args:
        logits: (B, T, C) scores before softmax; class 0 is the blank. Padding may be NaN.
        lengths: (B,) int64 on the CPU, numbers of frames.
        targets: (B, S) int64, classes from 1.
        target_lengths: (B,) int64 on the CPU.
    """
    if logits.dtype in (torch.float16, torch.bfloat16):
        logits = logits.float()
    log_probs = zero_padding(logits, lengths).log_softmax(-1).transpose(0, 1)  # (T, B, C)
    return F.ctc_loss(
        log_probs, targets, lengths, target_lengths, BLANK, reduction="none", zero_infinity=False
    )


@dataclass(frozen=True)
class Reading:
    """What was read of one line.

    Attributes:
        labels: Classes from 1, one a character.
        spans: The frames [start, end) of each.
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


def align(log_probs: NDArray[Any], labels: Sequence[int]) -> list[tuple[int, int]]:
    """Return the frames [start, end) of each label, by Viterbi's algorithm.

    The states are the labels with blanks before, between and after them, as in the forward
    algorithm of CTC (Graves et al. 2006, section 4.1). A frame either stays in a state, advances to
    the next one, or passes over a blank between two labels that differ.

    Args:
        log_probs: (T, C) natural logarithms; class 0 is the blank.
        labels: The S labels, none of them 0.

    Raises:
        ValueError: If T frames are too few for the labels.
    """
    if not labels:
        return []
    states = np.zeros(2 * len(labels) + 1, dtype=np.intp)
    states[1::2] = labels
    _check_length(len(log_probs), states)
    scores = np.maximum(log_probs[:, states], IMPOSSIBLE, dtype=np.float64)
    path = _best_path(scores, states)
    starts = np.searchsorted(path, np.arange(1, len(states), 2))
    ends = np.searchsorted(path, np.arange(1, len(states), 2), side="right")
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def _check_length(frames: int, states: NDArray[np.intp]) -> None:
    labels = states[1::2]
    repeats = int((labels[1:] == labels[:-1]).sum())
    if frames < (needed := len(labels) + repeats):
        raise ValueError(
            f"{len(labels)} {plural(len(labels), 'label needs', 'labels need')} at least "
            f"{needed} {plural(needed, 'frame')}, as {repeats} of them "
            f"{plural(repeats, 'is', 'are')} equal to the one before; frames here: {frames}."
        )


def _best_path(scores: NDArray[Any], states: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the state of each of the T frames: (T,), never falling; scores are (T, L)."""
    T, L = scores.shape
    blocked = np.ones(L, dtype=bool)  # where the state two before cannot be left for this one
    blocked[3::2] = states[3::2] == states[1:-2:2]
    blocked[4::2] = True
    options = np.full((3, L), -np.inf)  # from the state itself, the one before, two before
    steps = np.empty((T, L), dtype=np.int8)
    best = np.full(L, -np.inf)
    best[:2] = scores[0, :2]
    for frame in range(1, T):
        options[0] = best
        options[1, 1:] = best[:-1]
        options[2, 2:] = best[:-2]
        options[2, blocked] = -np.inf
        steps[frame] = options.argmax(0)
        best = options.max(0) + scores[frame]
    path = np.empty(T, dtype=np.intp)
    path[-1] = L - 1 if best[-1] > best[-2] else L - 2
    for frame in range(T - 1, 0, -1):
        path[frame - 1] = path[frame] - steps[frame, path[frame]]
    return path
