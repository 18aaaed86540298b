"""What a beam search may know of a language: an n-gram model of characters, and a lexicon."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence, Set
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# White space that no text of a line has.
START = "\v"
"""Precedes each line, as often as contexts need."""
END = "\f"
"""Follows each line and is predicted like a character."""
UNKNOWN = "\r"
"""Replaces characters outside the alphabet in contexts; it is never predicted."""

LONGEST = 1000
"""Maximum length of a gram: each context is padded to it."""

CACHED = 2_000_000
"""So many numbers of rows are remembered: 16 MB."""


class NGram:
    """Probabilities of the next character given the ``order - 1`` characters before it.

    Each order is interpolated with the one below (Witten & Bell 1991, method C): a context h, seen
    n times before t different characters, has ``P(c|h) = (count(hc) + t P(c|h')) / (n + t)``, where
    h' is h without its first character. Below the empty context, all characters and the end of the
    line are equally probable.

    Attributes:
        order: The length of the grams.
        alphabet: The characters, in the order of the rows of `log_probs`; the end comes last.
        grams: Gram of full length → how often it was seen; the counts of shorter ones follow.
    """

    def __init__(self, order: int, alphabet: Sequence[str], grams: dict[str, int]) -> None:
        _check(order, alphabet)
        self.order = order
        self.alphabet = "".join(alphabet)
        self.grams = grams
        self._column = {character: i for i, character in enumerate(self.alphabet + END)}
        self._followers = _followers(grams)
        self._rows: dict[str, NDArray[np.float64]] = {}

    @classmethod
    def fit(cls, texts: Iterable[str], order: int, alphabet: Sequence[str]) -> NGram:
        """Return the model of these lines.

        Args:
            texts: Lines; characters outside the alphabet only count in contexts.
            order: Length of the grams, at least 1.
            alphabet: Single characters, none twice.

        Raises:
            ValueError: The order or the alphabet is invalid.
        """
        _check(order, alphabet)
        known = set(alphabet)
        grams: Counter[str] = Counter()
        for text in texts:
            line = _padded(text, order, known)
            grams.update([line[i : i + order] for i in range(len(line) - order + 1)])
        return cls(order, alphabet, {gram: n for gram, n in grams.items() if gram[-1] != UNKNOWN})

    def log_probs(self, context: str) -> NDArray[np.float64]:
        """Return (len(alphabet) + 1,): log P of each next character, then of the end.

        Args:
            context: All of the line before, or at least its last ``order - 1`` characters.
        """
        key = self._key(context)
        while key and key not in self._followers:
            key = key[1:]  # an unseen context has the probabilities of the shorter one
        return self._row(key)

    def log_prob(self, context: str, character: str) -> float:
        """Return log P(character | context); the character may be `END`.

        Raises:
            ValueError: The character is not in the alphabet.
        """
        if character not in self._column:
            raise ValueError(f"The alphabet of the n-gram model does not have {character!r}.")
        return float(self.log_probs(context)[self._column[character]])

    def perplexity(self, text: str) -> float:
        """Return exp of the mean of -log P over the characters of a line and its end.

        Characters outside the alphabet are skipped, as in fitting.
        """
        known = set(self.alphabet)
        line = _padded(text, self.order, known)[self.order - 1 :]
        logs = [self.log_prob(line[:i], c) for i, c in enumerate(line) if c != UNKNOWN]
        return math.exp(-sum(logs) / len(logs))

    def to_bytes(self) -> bytes:
        """Return the model as UTF-8 text, the same for equal models."""
        return _dump(self.order, self.alphabet, self.grams)

    @classmethod
    def from_bytes(cls, data: bytes) -> NGram:
        """Return the model that `to_bytes` wrote.

        Raises:
            ValueError: The bytes are not a model; the text says where.
        """
        order, alphabet, grams = _parse(data, {START, UNKNOWN}, END)
        return cls(order, alphabet, grams)

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how to copy it to another process: without what can be derived."""
        return NGram, (self.order, self.alphabet, self.grams)

    def _key(self, context: str) -> str:
        """Return the ``order - 1`` characters before the next one, padded at the line's start."""
        length = self.order - 1
        return (START * length + context[-length:])[-length:] if length else ""

    def _row(self, context: str) -> NDArray[np.float64]:
        row = self._rows.get(context)
        if row is None:
            if len(self._rows) * len(self._column) >= CACHED:
                self._rows.clear()
            row = self._rows[context] = np.log(self._smoothed(context))
            row.flags.writeable = False  # it is handed out again and again
        return row

    def _smoothed(self, context: str) -> NDArray[np.float64]:
        size = len(self._column)
        row = np.exp(self._row(context[1:])) if context else np.full(size, 1 / size)
        seen = self._followers.get(context)
        if not seen:  # the empty context of a model of no text
            return row
        row *= len(seen)
        for character, count in seen.items():
            row[self._column[character]] += count
        return row / (sum(seen.values()) + len(seen))


def _padded(text: str, order: int, known: set[str]) -> str:
    if not known.issuperset(text):
        text = "".join(c if c in known else UNKNOWN for c in text)
    return START * (order - 1) + text + END


def _followers(grams: dict[str, int]) -> dict[str, dict[str, int]]:
    """Return context → next character → count, for the contexts of all lengths."""
    followers: dict[str, dict[str, int]] = {}
    for gram, count in grams.items():
        last = gram[-1]
        for start in range(len(gram)):
            counts = followers.setdefault(gram[start:-1], {})
            counts[last] = counts.get(last, 0) + count
    return followers


def _check(order: int, alphabet: Sequence[str]) -> None:
    if not 1 <= order <= LONGEST:
        raise ValueError(f"The order of an n-gram model is from 1 to {LONGEST}, not {order}.")
    if any(len(character) != 1 for character in alphabet) or len(set(alphabet)) < len(alphabet):
        raise ValueError("The alphabet of an n-gram model is single characters, none twice.")
    taken = sorted({START, END, UNKNOWN, "\n"}.intersection(alphabet))
    if taken:
        raise ValueError(f"An n-gram model cannot have {taken[0]!r} in its alphabet.")


def _dump(order: int, alphabet: str, grams: dict[str, int]) -> bytes:
    """Return the model as UTF-8 text; the grams are sorted."""
    lines = [str(order), alphabet, *(f"{grams[gram]}\t{gram}" for gram in sorted(grams))]
    return ("\n".join(lines) + "\n").encode()


def _parse(data: bytes, before: Set[str], end: str) -> tuple[int, str, dict[str, int]]:
    """Return order, alphabet, and gram → count.

    Args:
        data: What `_dump` returned.
        before: Characters that grams may have before their last one, besides the alphabet.
        end: Character that may be their last one, besides the alphabet.

    Raises:
        ValueError: The bytes are not such a text; the message names the line.
    """
    try:
        lines = data.decode().split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"The n-gram model is not UTF-8: {error}.") from None
    if len(lines) < 3 or lines[-1]:
        raise ValueError("The n-gram model is cut off: it does not end with a whole line.")
    order = _whole(lines[0], 1, "the order of the n-gram model")
    alphabet = lines[1]
    first, last = {*alphabet, *before}, {*alphabet, end}
    grams: dict[str, int] = {}
    for number, line in enumerate(lines[2:-1], 3):
        count, _, gram = line.partition("\t")
        known = gram and gram[-1] in last and first.issuperset(gram[:-1])
        if not known or len(gram) != order or gram in grams:
            raise ValueError(
                f"Line {number} of the n-gram model has {gram!r} where a new gram of {order} "
                "characters of its alphabet was expected."
            )
        grams[gram] = _whole(count, number, "a count of the n-gram model")
    return order, alphabet, grams


def _whole(text: str, number: int, what: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ValueError(f"Line {number}: {what} is {text!r}; expected a whole number above 0.")
    return int(text)


ROOT: Final = 0
"""The state between words."""
OUTSIDE: Final = -1
"""The state in a word that is not in the tree."""


class Lexicon:
    """Words as a tree whose states are its nodes; upper and lower case differ.

    Words consist of word characters; all other characters separate them and are always free.

    Attributes:
        word_characters: The characters that words consist of.
        unknown: Score of a word that is not in the tree, added once; -inf forbids it.
    """

    def __init__(
        self,
        words: Iterable[str],
        word_characters: Iterable[str],
        unknown: float = -math.inf,
    ) -> None:
        """Build the tree.

        Raises:
            ValueError: A word is empty, or has characters that are not word characters.
        """
        self.word_characters = frozenset(word_characters)
        self.unknown = unknown
        self._children: list[dict[str, int]] = [{}]
        self._ends = {ROOT}
        for word in words:
            self._add(word)

    def _add(self, word: str) -> None:
        if not word or not self.word_characters.issuperset(word):
            raise ValueError(f"The lexicon has {word!r}, which is not made of word characters.")
        state = ROOT
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
            return ROOT
        return OUTSIDE if state == OUTSIDE else self._children[state].get(character, OUTSIDE)

    def end_cost(self, state: int) -> float:
        """Return the score of ending a word, or the line, in this state."""
        return 0.0 if state == OUTSIDE or state in self._ends else self.unknown

    def following(self, state: int) -> Collection[str]:
        """Return the characters that continue in the tree; for a state other than `OUTSIDE`."""
        return self._children[state].keys()
