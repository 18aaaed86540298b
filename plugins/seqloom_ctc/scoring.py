"""What a language model or a lexicon adds to the scores of a beam search.

A scorer has a state for the text that was read so far, and says what each next class would add.
Adding these up over a text, and what its end adds, gives the same as scoring the text as a whole.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seqloom_ctc.arpa import BEGIN, END, Arpa
from seqloom_ctc.language import CACHED, OUTSIDE, ROOT, Lexicon
from seqloom_ctc.units import SPACE

Array = NDArray[np.float64]


class Grams(Protocol):
    """A model of characters: `seqloom_ctc.language.NGram` or an ARPA model."""

    order: int
    alphabet: str

    def log_probs(self, context: str) -> Array:
        """Return (len(alphabet) + 1,): log P of each next character, then of the end."""


class Scorer(ABC):
    """Adds to the scores of the next classes, given the text so far.

    Attributes:
        start: State of the empty text.
    """

    start: Any

    @abstractmethod
    def add(self, state: Any, row: Array) -> None:
        """Add to the (C,) scores of the next classes; nothing reads the blank's."""

    @abstractmethod
    def next(self, state: Any, label: int) -> Any:
        """Return the state after one more class, from 1."""

    @abstractmethod
    def end(self, state: Any) -> float:
        """Return what it adds that the text ends."""


class UnitGrams(Scorer):
    """N-grams of the classes themselves.

    Args:
        model: Model whose character i is class i + 1.
        weight: Weight of its log probabilities.
    """

    start = ""

    def __init__(self, model: Grams, weight: float) -> None:
        self._model, self._weight, self._length = model, weight, model.order - 1
        self._symbols = model.alphabet

    def add(self, state: str, row: Array) -> None:
        """Add the weighted log probabilities."""
        row[1:] += self._weight * self._model.log_probs(state)[:-1]

    def next(self, state: str, label: int) -> str:
        """Return the last symbols."""
        length = self._length
        return (state + self._symbols[label - 1])[-length:] if length else ""

    def end(self, state: str) -> float:
        """Return the weighted log probability of the end."""
        return self._weight * float(self._model.log_probs(state)[-1])


class Language:
    """What a beam search adds to its scores: a bonus for each class, and what scorers say.

    Args:
        size: C, number of classes with the blank.
        bonus: Bonus for each class.
        scorers: Scorers. A state is that of the only one, or a tuple of theirs.

    Attributes:
        start: State of the empty text.
    """

    def __init__(self, size: int, bonus: float, scorers: Sequence[Scorer]) -> None:
        self._plain = np.full(size, float(bonus))
        self._scorers = scorers
        self._only = scorers[0] if len(scorers) == 1 else None  # of almost all searches
        starts = tuple(scorer.start for scorer in scorers)
        self.start: Any = starts if self._only is None else starts[0]

    def row(self, state: Any) -> Array:
        """Return (C,): what each next class adds to the score; nothing reads the blank's."""
        if not self._scorers:
            return self._plain
        row = self._plain.copy()
        if self._only is not None:
            self._only.add(state, row)
            return row
        for scorer, one in zip(self._scorers, state, strict=True):
            scorer.add(one, row)
        return row

    def next(self, state: Any, label: int) -> Any:
        """Return the state after one more class, from 1."""
        if self._only is not None:
            return self._only.next(state, label)
        pairs = zip(self._scorers, state, strict=True)
        return tuple([scorer.next(one, label) for scorer, one in pairs])

    def end(self, state: Any) -> float:
        """Return what it adds to the score that the text ends; it ends its last word, too."""
        if self._only is not None:
            return self._only.end(state)
        pairs = zip(self._scorers, state, strict=True)
        return float(sum(scorer.end(one) for scorer, one in pairs))


class Remembering(Scorer):
    """A scorer that computes the row of a state once."""

    def __init__(self, size: int) -> None:
        self._most = max(1, CACHED // size)
        self._rows: dict[Hashable, Array] = {}

    def add(self, state: Any, row: Array) -> None:
        """Add what was computed of the state."""
        found = self._rows.get(state)
        if found is None:
            if len(self._rows) >= self._most:
                self._rows.clear()
            found = self._rows[state] = self.computed(state)
        row += found

    @abstractmethod
    def computed(self, state: Any) -> Array:
        """Return what each next class adds."""


class Words(Scorer):
    """N-grams of words, which white space separates; a word counts once it is whole.

    The state is the words before, and what has been read of the next one.

    Args:
        arpa: Model.
        units: Units, class by class; those that begin with a space end the word before.
        weight: Weight of the log probabilities.
        bonus: Bonus for each word.
    """

    start = ((BEGIN,), "")

    def __init__(self, arpa: Arpa, units: Sequence[str], weight: float, bonus: float) -> None:
        self._arpa, self._weight, self._bonus = arpa, weight, bonus
        self._texts = ["", *(unit.replace(SPACE, " ") for unit in units)]
        self._between = np.array([text[:1].isspace() for text in self._texts])
        self._length = arpa.order - 1

    def add(self, state: tuple[tuple[str, ...], str], row: Array) -> None:
        """Add the score of the word that the classes with a space end."""
        history, word = state
        if word:
            row[self._between] += self._score(history, word)

    def next(self, state: tuple[tuple[str, ...], str], label: int) -> Any:
        """Return the words and the part of a word after one more class."""
        (history, word), text = state, self._texts[label]
        if not text[:1].isspace():
            return history, word + text
        if word and self._length:
            history = (*history, self._arpa.known(word))[-self._length :]
        return history, text.lstrip()

    def end(self, state: tuple[tuple[str, ...], str]) -> float:
        """Return the score of the last word and of the end."""
        history, word = state
        score = self._score(history, word) if word else 0.0
        if word:
            history = (*history, self._arpa.known(word))
        return score + self._weight * self._arpa.log_prob(history, END)

    def _score(self, history: tuple[str, ...], word: str) -> float:
        log = self._arpa.log_prob(history, self._arpa.known(word))
        return self._weight * log + self._bonus


Spelled = tuple[str, bool | None]


class SpelledGrams(Remembering):
    """N-grams of the characters of subwords.

    A space counts once a character follows it, so that the score is that of the text. The state is
    the last characters, and whether a space follows them; None if there were none yet.

    Args:
        model: Model of characters.
        units: Subwords, class by class.
        weight: Weight of its log probabilities.
    """

    start = ("", None)

    def __init__(self, model: Grams, units: Sequence[str], weight: float) -> None:
        super().__init__(len(units) + 1)
        self._model, self._weight, self._length = model, weight, model.order - 1
        self._texts = ["", *(unit.replace(SPACE, " ") for unit in units)]
        self._column = {character: i for i, character in enumerate(model.alphabet)}

    def computed(self, state: Spelled) -> Array:
        """Return the weighted log probability of each subword's characters."""
        known: dict[str, tuple[float, Spelled]] = {"": (0.0, state)}
        return np.array([self._spelled(text, known)[0] for text in self._texts])

    def next(self, state: Spelled, label: int) -> Spelled:
        """Return the last characters."""
        for character in self._texts[label]:
            state = self._step(state, character)[1]
        return state

    def end(self, state: Spelled) -> float:
        """Return the weighted log probability of the end."""
        return self._weight * float(self._model.log_probs(state[0])[-1])

    def _spelled(self, text: str, known: dict[str, tuple[float, Spelled]]) -> tuple[float, Spelled]:
        """Return the score of a text and the state after it; beginnings are computed once."""
        found = known.get(text)
        if found is None:
            score, state = self._spelled(text[:-1], known)
            more, state = self._step(state, text[-1])
            found = known[text] = score + more, state
        return found

    def _step(self, state: Spelled, character: str) -> tuple[float, Spelled]:
        context, space = state
        if character == " ":
            return 0.0, (context, None if space is None else True)
        score = 0.0
        if space:
            score += self._log(context, " ")
            context = self._after(context, " ")
        score += self._log(context, character)
        return self._weight * score, (self._after(context, character), False)

    def _log(self, context: str, character: str) -> float:
        return float(self._model.log_probs(context)[self._column[character]])

    def _after(self, context: str, character: str) -> str:
        return (context + character)[-self._length :] if self._length else ""


class Spelling(Scorer):
    """The words of a lexicon, read character by character; the state is that of the lexicon."""

    start = ROOT

    def __init__(self, lexicon: Lexicon, alphabet: Sequence[str]) -> None:
        self._lexicon, self._alphabet = lexicon, alphabet
        self._class = {character: i for i, character in enumerate(alphabet, 1)}
        in_word = [character in lexicon.word_characters for character in alphabet]
        self._in_word = np.array([False, *in_word])

    def add(self, state: int, row: Array) -> None:
        """Add the costs of leaving the lexicon, and of ending a word that it does not have."""
        lexicon = self._lexicon
        if state == OUTSIDE:
            return
        costs = np.where(self._in_word, lexicon.unknown, lexicon.end_cost(state))
        known = [self._class[c] for c in lexicon.following(state) if c in self._class]
        costs[known] = 0.0
        row += costs

    def next(self, state: int, label: int) -> int:
        """Return the state of the lexicon after one more character."""
        return self._lexicon.next(state, self._alphabet[label - 1])

    def end(self, state: int) -> float:
        """Return the cost of ending the last word; the end of the text does so."""
        return self._lexicon.end_cost(state)


class SubwordSpelling(Remembering):
    """The words of a lexicon, read subword by subword; the state is that of the lexicon."""

    start = ROOT

    def __init__(self, lexicon: Lexicon, units: Sequence[str]) -> None:
        super().__init__(len(units) + 1)
        self._lexicon = lexicon
        self._texts = ["", *(unit.replace(SPACE, " ") for unit in units)]

    def computed(self, state: int) -> Array:
        """Return the cost of each subword."""
        return np.array([self._walk(state, text)[0] for text in self._texts])

    def next(self, state: int, label: int) -> int:
        """Return the state of the lexicon after one more subword."""
        return self._walk(state, self._texts[label])[1]

    def end(self, state: int) -> float:
        """Return the cost of ending the last word; the end of the text does so."""
        return self._lexicon.end_cost(state)

    def _walk(self, state: int, text: str) -> tuple[float, int]:
        lexicon, cost = self._lexicon, 0.0
        for character in text:
            following = lexicon.next(state, character)
            if character not in lexicon.word_characters:
                cost += lexicon.end_cost(state)
            elif following == OUTSIDE and state != OUTSIDE:
                cost += lexicon.unknown
            state = following
        return cost, state
