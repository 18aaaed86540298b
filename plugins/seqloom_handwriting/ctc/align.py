"""Which frames each label was read from: the most probable path that gives exactly these labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

IMPOSSIBLE = -1e9
"""In place of log probabilities of -inf, so that there always is a best path."""


def align(log_probs: NDArray[Any], labels: Sequence[int]) -> list[tuple[int, int]]:
    """Return the frames [start, end) of each label, by Viterbi's algorithm.

    The states are the labels with blanks before, between and after them, as in the forward
    algorithm of CTC (Graves et al. 2006, section 4.1). A frame either stays in a state, goes on to
    the next one, or passes over a blank between two labels that differ.

    Args:
        log_probs: (T, C) natural logarithms; class 0 is the blank.
        labels: the S labels, none of them 0.

    Raises:
        ValueError: if T frames are too few for the labels.
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
    if frames < len(labels) + repeats:
        raise ValueError(
            f"{len(labels)} labels, {repeats} of them equal to the one before, need at least "
            f"{len(labels) + repeats} frames; there are {frames}."
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
