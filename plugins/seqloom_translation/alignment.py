"""Word pairs of a translation, from the attention of its pieces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from seqloom_translation.units import SPACE

Pairs = list[tuple[int, int]]
"""Numbers of words, from 0: of the source, and of the translation."""


def alignment(
    steps: Sequence[str], pieces: Sequence[str], attention: Sequence[Sequence[float]]
) -> Pairs:
    """Return for each word of the translation the word of the source that it attends to most.

    The attention of a word is the mean over its pieces; that to a word of the source is the sum
    over its steps. The end of the source is not a word.

    Args:
        steps: Text of each step of the source, T.
        pieces: Text of each piece of the translation, L.
        attention: Weights, (L or more, T).

    >>> alignment(["▁a", "b", "▁c", ""], ["▁x", "y", "▁z"],
    ...           [[0, 0.2, 0.3, 0.5], [0.1, 0, 0.9, 0], [0.6, 0.1, 0.3, 0]])
    [(1, 0), (0, 1)]
    """
    sources, targets = words(steps), words(pieces)
    if not sources or not targets or max(sources) < 0:
        return []
    weights = np.asarray(attention, np.float64)
    found = np.zeros((max(targets) + 1, max(sources) + 1))
    for row, target in enumerate(targets):
        for column, source in enumerate(sources):
            if source >= 0 and target >= 0:
                found[target, source] += weights[row, column]
    return [(int(line.argmax()), number) for number, line in enumerate(found)]


def words(pieces: Sequence[str]) -> list[int]:
    """Return the number of each piece's word, from 0; -1 for what is not part of one.

    A word begins at a piece with a space before it; without any space, each piece is a word.

    >>> words(["▁un", "der", "▁", "it", ""]), words(["to", "be"])
    ([0, 0, -1, 1, -1], [0, 1])
    """
    marked = [one.replace(" ", SPACE) for one in pieces]
    spaced = any(SPACE in one for one in marked)
    found, number, starts = [], -1, True
    for one in marked:
        starts = starts or not spaced or one.startswith(SPACE)
        if not one.strip(SPACE):
            found.append(-1)
            continue
        number += starts
        starts = False
        found.append(number)
    return found


def pharaoh(pairs: Iterable[Sequence[int]]) -> str:
    """Return word pairs in the format of Pharaoh.

    >>> pharaoh([(1, 0), (0, 1)])
    '0-1 1-0'
    """
    return " ".join(f"{source}-{target}" for source, target in sorted(map(tuple, pairs)))
