"""Prefix beam search: the most probable texts under CTC, an n-gram model and a lexicon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqloom_ctc.characters import CharacterModel
from seqloom_ctc.codec import CtcCodec
from seqloom_ctc.language import Lexicon, NGram
from seqloom_ctc.paths import IMPOSSIBLE, Reading, align
from seqloom_ctc.schema import Ctc
from seqloom_ctc.scoring import (
    Language,
    Scorer,
    SpelledGrams,
    Spelling,
    SubwordSpelling,
    UnitGrams,
    Words,
)
from seqloom_ctc.units import Characters

Array = NDArray[np.float64]
ALWAYS = 2
"""So many classes may add a character at a frame, however improbable."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A text that was found.

    Attributes:
        labels: Its classes, from 1.
        score: Log of the probability of all its paths that were kept, plus weight × log of the
            n-gram model's probability, plus the bonuses and the cost of unknown words.
    """

    labels: list[int]
    score: float


def prefix_beam(
    log_probs: NDArray[Any],
    *,
    alphabet: str | Sequence[str],
    width: int = 16,
    ngram: NGram | None = None,
    weight: float = 0.0,
    bonus: float = 0.0,
    lexicon: Lexicon | None = None,
    skip_blank: float = 1.0,
    min_probability: float = 1e-4,
    best: int = 1,
) -> list[Hypothesis]:
    """Return the best texts of a line, the best first.

    Of each prefix the paths that end in a blank are summed apart from those that do not (Graves &
    Jaitly 2014; Hannun et al. 2014). If a lexicon leaves nothing whose last word is whole, the last
    word may be cut off.

    Args:
        log_probs: (T, C) natural logarithms; class 0 is the blank.
        alphabet: C - 1 characters; character i is class i + 1.
        width: Prefixes that are kept at each frame.
        ngram: The model of characters, over the same alphabet.
        weight: Weight of the n-gram model's log probabilities.
        bonus: For each character.
        lexicon: The words that may be read.
        skip_blank: Frames whose blank is more probable count as nothing but blank.
        min_probability: Classes below it add no characters at a frame, but for the best two; a
            lexicon may leave nothing else, so that with one all classes are tried.
        best: How many texts are returned, if so many were found.

    Raises:
        ValueError: If log_probs are NaN or do not fit the alphabet, or the model does not.
    """
    _check(log_probs, len(alphabet))
    own = "".join(alphabet)
    if ngram and ngram.alphabet != own:
        raise ValueError(f"The n-gram model has the alphabet {ngram.alphabet!r}, not {own!r}.")
    scorers: list[Scorer] = [UnitGrams(ngram, weight)] if ngram and weight else []
    scorers += [Spelling(lexicon, alphabet)] if lexicon else []
    return beam(
        log_probs,
        Language(len(alphabet) + 1, bonus, scorers),
        width=width,
        skip_blank=skip_blank,
        min_probability=0.0 if lexicon else min_probability,
        best=best,
    )


def beam(
    log_probs: NDArray[Any],
    language: Language,
    *,
    width: int,
    skip_blank: float,
    min_probability: float = 1e-4,
    best: int = 1,
) -> list[Hypothesis]:
    """Return the best sequences of classes of a line, the best first; see `prefix_beam`."""
    log_probs = np.maximum(log_probs, IMPOSSIBLE, dtype=np.float64)
    kept = _Beam(Prefix(language))
    skipped = (np.exp(log_probs[:, 0]) > skip_blank).tolist()
    classes = _likely(log_probs, min_probability)
    for frame, scores in enumerate(log_probs):
        if skipped[frame]:
            kept.rest(scores[0])
        else:
            kept.step(scores, classes[frame], width)
    return kept.ended(best)


def language_of(codec: CtcCodec, options: Ctc) -> Language:
    """Return what the beam search of a head adds to its scores."""
    units, weight, bonus = codec.units, options.ngram_weight, options.ngram_bonus
    lexicon, model = codec.lexicon, codec.arpa
    plain = isinstance(units, Characters)
    scorers: list[Scorer] = []
    if isinstance(model, CharacterModel) and weight:
        grams = UnitGrams(model, weight) if plain else None
        scorers.append(grams or SpelledGrams(model, units.alphabet, weight))
    elif model is not None and not isinstance(model, CharacterModel):
        scorers.append(Words(model, units.alphabet, weight, bonus))
        bonus = 0.0  # it is for words
    elif codec.ngram and weight:
        scorers.append(UnitGrams(codec.ngram, weight))
    if lexicon:
        spelling = Spelling if plain else SubwordSpelling
        scorers.append(spelling(lexicon, units.alphabet))
    return Language(len(units.alphabet) + 1, bonus, scorers)


def search(
    log_probs: np.ndarray,
    codec: CtcCodec,
    options: Ctc,
    *,
    spans: bool = True,
    language: Language | None = None,
) -> Reading:
    """Return the most probable text of (T, C) log probabilities.

    With ``spans`` it is aligned with the frames, which takes as long again.
    """
    _check(log_probs, len(codec.alphabet))
    found = beam(
        log_probs,
        language or language_of(codec, options),
        width=options.beam_width,
        skip_blank=options.skip_blank,
        min_probability=0.0 if codec.lexicon else 1e-4,
    )
    labels = list(found[0].labels)
    return Reading(labels, align(log_probs, labels) if spans else [])


class _Beam:
    """The W prefixes that are kept, and the log probabilities of their paths.

    Attributes:
        prefixes: W.
        blank: (W,), of the paths that end in a blank.
        other: (W,), of those that end in the prefix's last label.
    """

    def __init__(self, root: Prefix) -> None:
        self.blank = np.zeros(1)
        self.other = np.full(1, -np.inf)
        self._keep([root])

    def _keep(self, prefixes: list[Prefix]) -> None:
        """Hold other prefixes, and what of them is needed at each frame."""
        self.prefixes = prefixes
        self._last = np.array([prefix.label for prefix in prefixes])
        self._rows = np.array([prefix.row for prefix in prefixes])
        place = {prefix: i for i, prefix in enumerate(prefixes)}
        pairs = [
            (place[prefix.parent], i) for i, prefix in enumerate(prefixes) if prefix.parent in place
        ]
        self._parents, self._grown = np.array(pairs, dtype=np.intp).reshape(-1, 2).T

    def rest(self, score: float) -> None:
        """Advance by a frame that is blank."""
        self.blank = np.logaddexp(self.blank, self.other) + score
        self.other = np.full(len(self.other), -np.inf)

    def step(self, scores: Array, classes: NDArray[np.intp], width: int) -> None:
        """Advance by a frame with (C,) scores, in which prefixes may grow by some classes."""
        total = np.logaddexp(self.blank, self.other)
        blank, other = total + scores[0], self.other + scores[self._last]
        grown = self._growth(total, scores)
        pairs = self._parents, self._last[self._grown]
        other[self._grown] = np.logaddexp(other[self._grown], grown[pairs])
        grown[pairs] = -np.inf
        self._choose(blank, other, grown[:, classes], classes, width)

    def _growth(self, total: Array, scores: Array) -> Array:
        """Return (W, C): the score of each prefix with one more label."""
        grown = self._rows + scores
        repeats = np.arange(len(total)), self._last
        again = grown[repeats] + self.blank  # repeating the last label needs a blank between
        grown += total[:, None]
        grown[repeats] = again
        return grown

    def _choose(
        self, blank: Array, other: Array, grown: Array, classes: NDArray[np.intp], width: int
    ) -> None:
        """Keep the best of the W prefixes and their W × K extensions."""
        size = len(blank)
        merit = np.concatenate([np.logaddexp(blank, other), grown.ravel()])
        chosen = _greatest(merit, width)
        stay, grow = chosen[chosen < size], chosen[chosen >= size] - size
        self.blank = np.concatenate([blank[stay], np.full(len(grow), -np.inf)])
        self.other = np.concatenate([other[stay], grown.ravel()[grow]])
        if not len(grow):
            return  # the same prefixes are left
        kept = [self.prefixes[i] for i in stay.tolist()]
        rows, columns = np.divmod(grow, len(classes))
        labels = classes[columns].tolist()
        kept += [self.prefixes[i].child(c) for i, c in zip(rows.tolist(), labels, strict=True)]
        self._keep(kept)

    def ended(self, best: int) -> list[Hypothesis]:
        """Return the best texts, now that the line ends."""
        total = np.logaddexp(self.blank, self.other)
        whole = total + np.array([prefix.end() for prefix in self.prefixes])
        scores = whole if whole.max() > -np.inf else total
        order = np.argsort(-scores, kind="stable")[:best]
        return [
            Hypothesis(self.prefixes[i].labels(), float(scores[i]))
            for i in order.tolist()
            if scores[i] > -np.inf
        ]


def _greatest(merit: Array, count: int) -> NDArray[np.intp]:
    """Return the places of the greatest finite values, in ascending order."""
    if len(merit) > count:
        places = np.argpartition(merit, -count)[-count:]
        places.sort()
    else:
        places = np.arange(len(merit))
    return places[merit[places] > -np.inf]


def _likely(log_probs: Array, probability: float) -> list[NDArray[np.intp]]:
    """Return for each frame the classes, from 1, above a probability and the best ones."""
    characters = log_probs[:, 1:]
    likely = np.exp(characters) >= probability
    if characters.shape[1] <= ALWAYS:
        likely[:] = True
    else:
        best = np.argpartition(characters, -ALWAYS, axis=1)[:, -ALWAYS:]
        np.put_along_axis(likely, best, True, axis=1)
    frames, classes = likely.nonzero()
    return np.split(classes + 1, np.searchsorted(frames, np.arange(1, len(log_probs))))


def _check(log_probs: NDArray[Any], characters: int) -> None:
    if log_probs.ndim != 2 or log_probs.shape[1] != characters + 1:
        raise ValueError(
            f"Log probabilities have the shape {log_probs.shape}; expected (frames, "
            f"{characters + 1}): the blank and {characters} characters."
        )
    if np.isnan(log_probs).any():
        frame = int(np.isnan(log_probs).any(1).argmax())
        raise ValueError(f"Log probabilities of frame {frame} are not a number.")


class Prefix:
    """A text that has been read so far: a node of a tree; its parent is the text one label shorter.

    Attributes:
        parent: None of the empty text.
        label: The last one; 0 of the empty text.
        row: (C,), what each next class adds to the score; nothing reads the blank's.
    """

    __slots__ = ("_children", "_language", "_state", "label", "parent", "row")

    def __init__(self, language: Language, parent: Prefix | None = None, label: int = 0) -> None:
        self.parent, self.label = parent, label
        self._language = language
        self._state: Any = language.start
        if parent is not None:
            self._state = language.next(parent._state, label)
        self.row: Array = language.row(self._state)
        self._children: dict[int, Prefix] = {}

    def child(self, label: int) -> Prefix:
        """Return this text with one more label; always the same object for the same text."""
        found = self._children.get(label)
        if found is None:
            found = self._children[label] = Prefix(self._language, self, label)
        return found

    def end(self) -> float:
        """Return what it adds to the score that the line ends here."""
        return self._language.end(self._state)

    def labels(self) -> list[int]:
        """Return the labels from the first to the last."""
        labels, prefix = [], self
        while prefix.parent is not None:
            labels.append(prefix.label)
            prefix = prefix.parent
        return labels[::-1]
