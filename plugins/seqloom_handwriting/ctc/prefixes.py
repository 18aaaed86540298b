"""The prefixes of a beam search as a tree, and what language says of their next characters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seqloom_handwriting.ctc.lexicon import OUTSIDE, START, Lexicon
from seqloom_handwriting.ctc.ngram import NGram


class Language:
    """What a beam search adds to its scores: weighted n-grams, a bonus, the cost of words.

    Attributes:
        alphabet: character i is class i + 1.
    """

    def __init__(
        self,
        alphabet: Sequence[str],
        ngram: NGram | None,
        weight: float,
        bonus: float,
        lexicon: Lexicon | None,
    ) -> None:
        if ngram and ngram.alphabet != "".join(alphabet):
            raise ValueError(
                f"The n-gram model has the alphabet {ngram.alphabet!r} in this order; the beam "
                f"search has {''.join(alphabet)!r}."
            )
        self.alphabet = alphabet
        self.lexicon = lexicon
        self.context_length = ngram.order - 1 if ngram else 0
        self._ngram, self._weight = ngram if weight else None, weight
        self._plain = np.full(len(alphabet) + 1, float(bonus))
        if lexicon:
            self._class = {character: i for i, character in enumerate(alphabet, 1)}
            in_word = [character in lexicon.word_characters for character in alphabet]
            self._in_word = np.array([False, *in_word])

    def row(self, context: str, state: int) -> NDArray[np.float64]:
        """Return (C,): what each next class adds to the score; nothing reads the blank's."""
        if self._ngram is None and self.lexicon is None:
            return self._plain
        row = self._plain.copy()
        if self._ngram:
            row[1:] += self._weight * self._ngram.log_probs(context)[:-1]
        if self.lexicon and state != OUTSIDE:
            row += self._word_costs(self.lexicon, state)
        return row

    def _word_costs(self, lexicon: Lexicon, state: int) -> NDArray[np.float64]:
        costs = np.where(self._in_word, lexicon.unknown, lexicon.end_cost(state))
        known = [self._class[c] for c in lexicon.following(state) if c in self._class]
        costs[known] = 0.0
        return costs

    def end(self, context: str, state: int) -> float:
        """Return what it adds to the score that the line ends; it ends its last word, too."""
        words = self.lexicon.end_cost(state) if self.lexicon else 0.0
        return words + (
            self._weight * float(self._ngram.log_probs(context)[-1]) if self._ngram else 0.0
        )


class Prefix:
    """A text that has been read so far: a node of a tree, whose parent lacks the last label.

    Attributes:
        parent: None of the empty text.
        label: the last one; 0 of the empty text.
        row: (C,), what each next class adds to the score; nothing reads the blank's.
    """

    __slots__ = ("_children", "_context", "_language", "_state", "label", "parent", "row")

    def __init__(
        self,
        language: Language,
        parent: Prefix | None = None,
        label: int = 0,
        context: str = "",
        state: int = START,
    ) -> None:
        self.parent, self.label = parent, label
        self.row = language.row(context, state)
        self._language, self._context, self._state = language, context, state
        self._children: dict[int, Prefix] = {}

    def child(self, label: int) -> Prefix:
        """Return this text with one more label; always the same object for the same text."""
        found = self._children.get(label)
        if found is None:
            found = self._children[label] = self._grow(label)
        return found

    def _grow(self, label: int) -> Prefix:
        language = self._language
        character = language.alphabet[label - 1]
        length, lexicon = language.context_length, language.lexicon
        context = (self._context + character)[-length:] if length else ""
        state = lexicon.next(self._state, character) if lexicon else START
        return Prefix(language, self, label, context, state)

    def end(self) -> float:
        """Return what it adds to the score that the line ends here."""
        return self._language.end(self._context, self._state)

    def labels(self) -> list[int]:
        """Return the labels from the first to the last."""
        labels, prefix = [], self
        while prefix.parent is not None:
            labels.append(prefix.label)
            prefix = prefix.parent
        return labels[::-1]
