"""The best path of a single sequence, and the probabilities of its spans, in NumPy.

For one sequence of a few tags a step takes NumPy less time than torch needs to call a function. The
recursions, and the scaling that keeps them from underflowing, are those of `seqloom_ner.lattice`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from seqloom_ner.lattice import safe_steps

Floats = npt.NDArray[np.float64]


def best_path_of_one(emissions: Floats, moves: Floats) -> list[int]:
    """Return the T tags of a sequence's best path.

    Args:
        emissions: (T, C); they are overwritten.
        moves: (C + 2, C), see `Chain`.
    """
    transitions, start, end = moves[:-2], moves[-2], moves[-1]
    arriving = np.ascontiguousarray(transitions.T)
    ways, most = np.empty_like(transitions), np.empty_like(start)
    emissions[0] += start
    steps = list(emissions)
    for before, step in pairwise(steps):
        np.add(before[:, None], transitions, out=ways)
        np.add(step, np.maximum.reduce(ways, 0, None, most), out=step)
    tags = [int((steps[-1] + end).argmax())]
    for before in steps[-2::-1]:
        tags.append(int(np.add(before, arriving[tags[-1]], out=most).argmax()))
    return tags[::-1]


class SumsOfOne:
    """Sums over all paths through a sequence, in the exponential domain, scaled at each step.

    Args:
        emissions: (T, C), of which the largest of a step is 0.
        moves: (C + 2, C), see `Chain`.
    """

    def __init__(self, emissions: Floats, moves: Floats) -> None:
        self.emissions, self.moves = emissions, moves
        self._factors, self._moves = np.exp(emissions), np.exp(moves)
        self._end = self._moves[-1]
        self._alpha, self._scale = self._forward()
        self.log_partition = math.log(self._alpha[-1] @ self._end) + self._scale[-1]

    @staticmethod
    def are_safe(emissions: Floats, moves: Floats, reach: int | None) -> bool:
        """Return whether nothing that counts underflows; see `safe_steps`."""
        lowest = np.where(np.isinf(moves), 0.0, moves).min()
        spread = -float(emissions.min() + lowest)
        return safe_steps(spread, moves.shape[1], np.finfo(np.float64).tiny, reach) > 0

    def _forward(self) -> tuple[list[Floats], list[float]]:
        """Return α of each step, (C,), that sums to 1, and the log of what it was divided by."""
        transitions, scale = self._moves[:-2], 0.0
        alpha, scales = [], []
        state = self._moves[-2]
        for step, factor in enumerate(self._factors):
            state = (state @ transitions if step else state) * factor
            total = np.add.reduce(state)
            state = state / total
            scale += math.log(total)
            alpha.append(state)
            scales.append(scale)
        return alpha, scales

    def _backward(self, first: int) -> tuple[dict[int, Floats], dict[int, float]]:
        """Return e + β of each step from ``first`` on, as ``_forward`` returns α."""
        transitions, scale = self._moves[:-2], 0.0
        state, found, scales = self._end, {}, {}
        for step in range(len(self._factors) - 1, first - 1, -1):
            ahead = self._factors[step] * state
            total = np.add.reduce(ahead)
            found[step] = ahead / total
            scale += math.log(total)
            scales[step] = scale
            state = transitions @ found[step]
        return found, scales

    def posteriors(
        self, tags: Sequence[int], spans: Iterable[Sequence[int]], continues: npt.NDArray[np.bool_]
    ) -> list[float]:
        """Return the probability that each span has its tags and ends where it does.

        Args:
            tags: T tags of an allowed path.
            spans: Start and end (exclusive) of each span, in their order.
            continues: (C, C) bool, True where the column's tag continues the row's.
        """
        spans = list(spans)
        after, scales = self._backward(min(end for _, end in spans))
        leaving = np.where(continues, 0.0, self._moves[:-2])
        found = []
        for start, end in spans:
            last = tags[end - 1]
            score = _log(self._alpha[start][tags[start]]) + self._scale[start]
            score += sum(
                self.moves[tags[step - 1], tags[step]] + self.emissions[step, tags[step]]
                for step in range(start + 1, end)
            )
            whole = end == len(tags)
            onward = self._end[last] if whole else leaving[last] @ after[end]
            score += _log(onward) + (0.0 if whole else scales[end])
            found.append(min(1.0, math.exp(score - self.log_partition)))
        return found


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf
