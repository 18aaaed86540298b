"""The words that may be read, as a prefix tree."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import Final

START: Final = 0
"""The state between words."""
OUTSIDE: Final = -1
"""The state in a word that the tree lacks."""


class Lexicon:
    """Words as a tree whose states are its nodes; upper and lower case differ.

    Words consist of word characters; all other characters part them and are always free.

    Attributes:
        word_characters: the characters that words consist of.
        unknown: what a word that the tree lacks adds to the score, once; -inf forbids it.
    """

    def __init__(
        self,
        words: Iterable[str],
        word_characters: Iterable[str],
        unknown: float = -math.inf,
    ) -> None:
        """Build the tree.

        Raises:
            ValueError: if a word is empty or has other characters than word characters.
        """
        self.word_characters = frozenset(word_characters)
        self.unknown = unknown
        self._children: list[dict[str, int]] = [{}]
        self._ends = {START}
        for word in words:
            self._add(word)

    def _add(self, word: str) -> None:
        if not word or not self.word_characters.issuperset(word):
            raise ValueError(f"The lexicon has {word!r}, which is not made of word characters.")
        state = START
        for character in word:
            children = self._children[state]
            if character not in children:
                children[character] = len(self._children)
                self._children.append({})
            state = children[character]
        self._ends.add(state)

    def next(self, state: int, character: str) -> int:
        """Return the state after one more character."""
        if character not in self.word_characters:
            return START
        return OUTSIDE if state == OUTSIDE else self._children[state].get(character, OUTSIDE)

    def end_cost(self, state: int) -> float:
        """Return what it adds to the score that a word, or the line, ends in this state."""
        return 0.0 if state == OUTSIDE or state in self._ends else self.unknown

    def following(self, state: int) -> Collection[str]:
        """Return the characters that go on in the tree; of a state other than `OUTSIDE`."""
        return self._children[state].keys()
