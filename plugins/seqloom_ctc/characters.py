"""An ARPA model of characters, with the rows of probabilities that a beam search asks for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqloom_ctc.arpa import BEGIN, END, LN10, SPECIAL, UNSEEN, Arpa, Gram
from seqloom_ctc.language import CACHED

SPACES = ("<space>", "▁", "|")
"""What stands for a space in such models, which cannot have one; the first that a model has."""


class CharacterModel:
    """Probabilities of the next character; in use like `seqloom_ctc.language.NGram`.

    Attributes:
        arpa: The model.
        order: Length of its longest n-grams.
        alphabet: The characters, in the order of the rows of `log_probs`; the end comes last.
    """

    def __init__(self, arpa: Arpa, alphabet: str) -> None:
        self.arpa, self.order, self.alphabet = arpa, arpa.order, alphabet
        space = space_of(arpa, alphabet)
        self._word = {c: arpa.known(space if c == " " else c) for c in alphabet}
        columns: dict[str, list[int]] = {}
        for column, word in enumerate([*self._word.values(), END]):
            columns.setdefault(word, []).append(column)
        self._followers: dict[Gram, tuple[list[int], list[float]]] = {}
        for gram, (log, _) in arpa.grams.items():
            for column in columns.get(gram[-1], ()):
                places, logs = self._followers.setdefault(gram[:-1], ([], []))
                places.append(column)
                logs.append(log * LN10)
        self._rows: dict[Gram, NDArray[np.float64]] = {}

    def log_probs(self, context: str) -> NDArray[np.float64]:
        """Return (len(alphabet) + 1,): log P of each next character, then of the end.

        Args:
            context: All of the line before, or at least its last ``order - 1`` characters.
        """
        length = self.order - 1
        words = tuple(self._word[c] for c in context[-length:]) if length else ()
        return self._row((BEGIN, *words) if len(words) < length else words)

    def _row(self, context: Gram) -> NDArray[np.float64]:
        row = self._rows.get(context)
        if row is None:
            if len(self._rows) * len(self.alphabet) >= CACHED:
                self._rows.clear()
            row = self._rows[context] = self._computed(context)
            row.flags.writeable = False  # it is handed out again and again
        return row

    def _computed(self, context: Gram) -> NDArray[np.float64]:
        if context:
            backoff = self.arpa.grams.get(context, (0.0, 0.0))[1]
            row = self._row(context[1:]) + backoff * LN10
        else:
            row = np.full(len(self.alphabet) + 1, UNSEEN * LN10)
        places, logs = self._followers.get(context, ([], []))
        row[places] = logs
        return row

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how to copy it to another process: without what can be derived."""
        return CharacterModel, (self.arpa, self.alphabet)


def space_of(arpa: Arpa, alphabet: str) -> str:
    """Return what stands for a space in a model: one of `SPACES` that is not a character itself."""
    found = [word for word in SPACES if word in arpa and word not in alphabet]
    return found[0] if found else SPACES[0]


def of_characters(arpa: Arpa, alphabet: str) -> Arpa:
    """Return the model without the n-grams that have other characters than these."""
    space = space_of(arpa, alphabet)
    return arpa.only(lambda word: word in alphabet if len(word) == 1 else word == space)


def covered(arpa: Arpa, alphabet: str) -> set[str]:
    """Return the characters that a model has."""
    words = {" " if word == space_of(arpa, alphabet) else word for (word, *_) in arpa.grams}
    return (words - SPECIAL).intersection(alphabet)
