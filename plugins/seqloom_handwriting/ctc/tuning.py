"""Finding the weight of the language model and the bonus for each character on a validation set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from rapidfuzz.distance import Levenshtein

from seqloom_handwriting.ctc.codec import CtcCodec
from seqloom_handwriting.ctc.search import search
from seqloom_handwriting.schemas.heads import Ctc

WEIGHTS = (0.0, 0.15, 0.3, 0.45, 0.6, 0.8, 1.0)
BONUSES = (0.0, 0.3, 0.6, 0.9, 1.2, 1.6, 2.0)
FINE = (-0.1, -0.05, 0.05, 0.1)


@dataclass(frozen=True)
class Line:
    """One line to read: its log probabilities (T, C) and its true classes."""

    log_probs: np.ndarray
    truth: Sequence[int]


@dataclass(frozen=True)
class Point:
    """A weight and a bonus, with the share of wrong characters that they give."""

    weight: float
    bonus: float
    cer: float


def tuned(
    lines: Sequence[Line], codec: CtcCodec, options: Ctc, tell: Callable[[Point], None]
) -> Point:
    """Return the best point: weights first, then bonuses, then the neighbourhood of the best.

    Args:
        lines: of the validation split.
        codec: with the n-gram model.
        options: of the head; their weight and bonus are where the search begins.
        tell: is called with each point that is tried.
    """
    found: dict[tuple[float, float], Point] = {}

    def best_of(pairs: Sequence[tuple[float, float]]) -> Point:
        for weight, bonus in pairs:
            if (weight, bonus) not in found and weight >= 0 and bonus >= 0:
                here = replace(options, ngram_weight=weight, ngram_bonus=bonus)
                cer = error_rate(lines, codec, here)
                found[weight, bonus] = Point(weight, bonus, cer)
                tell(found[weight, bonus])
        return min(found.values(), key=lambda point: (point.cer, point.weight, point.bonus))

    best = best_of([(weight, options.ngram_bonus) for weight in WEIGHTS])
    best = best_of([(best.weight, bonus) for bonus in BONUSES])
    best = best_of([(round(best.weight + step, 3), best.bonus) for step in FINE])
    return best_of([(best.weight, round(best.bonus + 2 * step, 3)) for step in FINE])


def error_rate(lines: Sequence[Line], codec: CtcCodec, options: Ctc) -> float:
    """Return the sum of edits over the sum of lengths, of beam search with these options."""
    edits = sum(
        Levenshtein.distance(search(line.log_probs, codec, options, spans=False).labels, line.truth)
        for line in lines
    )
    return edits / max(1, sum(len(line.truth) for line in lines))
