"""The best path through a chain (Viterbi 1967; Rabiner 1989, section III.B)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch

from seqloom_ner.chain import Chain


def best_path(chain: Chain) -> npt.NDArray[np.int64]:
    """Return (B, T), the tags of each row's path of the highest score; 0 in the padding.

    The forward pass keeps the best scores only; which tag they came from is found on the way back,
    for the one tag of each row that the path is at.
    """
    arriving = chain.transitions.T.contiguous()  # (C, C) from the column's tag to the row's
    best = chain.emissions.transpose(0, 1).contiguous()  # (T, B, C)
    steps = best.unbind()
    steps[0].add_(chain.start)
    ways = best.new_empty(best.shape[1], *arriving.shape)
    for before, step in pairwise(steps):
        step.add_(torch.add(before.unsqueeze(1), arriving, out=ways).amax(2))
    end, lengths = chain.end.cpu().numpy(), chain.lengths.numpy()
    return _trace(best.cpu().numpy(), arriving.cpu().numpy(), end, lengths)


def _trace(
    scores: npt.NDArray[np.floating],
    arriving: npt.NDArray[np.floating],
    end: npt.NDArray[np.floating],
    lengths: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    steps, rows, _ = scores.shape
    path = np.zeros((steps, rows), dtype=np.int64)
    path[lengths - 1, np.arange(rows)] = (scores[lengths - 1, np.arange(rows)] + end).argmax(1)
    for step in range(steps - 2, -1, -1):
        inside = lengths - 1 > step  # rows that end at this step or before have their tag already
        came_from = (scores[step] + arriving[path[step + 1]]).argmax(1)
        np.copyto(path[step], came_from, where=inside)
    return np.ascontiguousarray(path.T)
