"""From words with their times to subtitles: short lines that are shown long enough to read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

WIDTH = 42  # characters of a line
SHORTEST, LONGEST = 1.0, 7.0  # seconds that a cue is shown, where possible
TOGETHER = 0.25  # seconds that speech may overlap without that of its cues
GAP = 1.0  # seconds without a word that end a cue
SENTENCE = 20  # characters of a cue that the end of a sentence ends
ENDS = (".", "!", "?", "…", "。")


@dataclass(frozen=True, slots=True)
class Word:
    """A word and when it is said, in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Cue:
    """What is shown at a time: one or two lines, from ``start`` to ``end`` seconds."""

    start: float
    end: float
    lines: tuple[str, ...]


def spread(text: str, start: float, end: float) -> list[Word]:
    """Return the words of a text whose times are unknown, spread over a time by their lengths."""
    texts = text.split()
    total = sum(len(one) + 1 for one in texts)
    words, place = [], 0
    for one in texts:
        begin = start + (end - start) * place / total
        place += len(one) + 1
        words.append(Word(one, begin, start + (end - start) * place / total))
    return words


def cues_of(words: Sequence[Word]) -> Iterator[Cue]:
    """Yield cues of words in their order: of one or two lines, and of at most `LONGEST` seconds.

    A cue ends before a gap, at the end of a sentence, or when it is full.
    """
    group: list[Word] = []
    for word in (piece for one in words for piece in _pieces(one)):
        if group and _ends(group, word):
            yield _cue(group)
            group = []
        group.append(word)
    if group:
        yield _cue(group)


def _pieces(word: Word) -> Iterator[Word]:
    """Yield a word, or pieces of one that is longer than a line."""
    count = -(-len(word.text) // WIDTH)
    unit = (word.end - word.start) / max(count, 1)
    for place in range(count):
        text = word.text[place * WIDTH : (place + 1) * WIDTH]
        yield Word(text, word.start + place * unit, word.start + (place + 1) * unit)


def _ends(group: Sequence[Word], word: Word) -> bool:
    """Return whether a cue ends before another word."""
    first, last = group[0], group[-1]
    length = sum(len(one.text) + 1 for one in group) - 1
    sentence = last.text.endswith(ENDS) and length >= SENTENCE and last.end - first.start > SHORTEST
    late = word.end - first.start > LONGEST or word.start - last.end > GAP
    return sentence or late or not lines_of([*(one.text for one in group), word.text])


def lines_of(texts: Sequence[str]) -> tuple[str, ...]:
    """Return words as one line, or two of similar length; none if they do not fit."""
    whole = " ".join(texts)
    if len(whole) <= WIDTH:
        return (whole,)
    pairs = [(" ".join(texts[:i]), " ".join(texts[i:])) for i in range(1, len(texts))]
    fitting = [pair for pair in pairs if max(map(len, pair)) <= WIDTH]
    return min(fitting, key=lambda pair: max(map(len, pair)), default=())


def _cue(group: Sequence[Word]) -> Cue:
    start, end = group[0].start, max(group[-1].end, group[0].start)
    return Cue(start, min(end, start + LONGEST), lines_of([one.text for one in group]))


def timed(cues: Sequence[Cue]) -> list[Cue]:
    """Return cues in whole milliseconds, short ones shown longer if they can.

    A cue is shown until `SHORTEST` seconds after its start, but not after the next one's start.
    Cues only overlap if their speech does, by more than `TOGETHER`, as that of two channels.
    """
    found: list[Cue] = []
    for place, cue in enumerate(cues, 1):
        after = cues[place].start if place < len(cues) else math.inf
        before = found[-1].end if found else 0.0
        latest = math.inf if cue.end - after > TOGETHER else after
        start = round(cue.start if before - cue.start > TOGETHER else max(cue.start, before), 3)
        end = min(max(cue.end, cue.start + SHORTEST), latest)
        found.append(replace(cue, start=start, end=max(round(end, 3), round(start + 0.001, 3))))
    return found
