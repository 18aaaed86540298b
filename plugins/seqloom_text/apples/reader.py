"""The data set ``apples``: Apple the company and Apple the fruit; only later words tell which.

Sentences are made in pairs, one of each kind, that are the same up to the clue. So the words before
"Apple" say nothing about it, and a model that reads from left to right can only guess.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cached_property

from seqloom.errors import Cause, ConfigError, did_you_mean
from seqloom.interfaces import SPLITS, Example, Reader
from seqloom_text.apples.grammar import (
    APPLE_TYPES,
    CLUES,
    ENDINGS,
    ENTITY_TYPES,
    KINDS,
    MIDDLES,
    OPENINGS,
    WORDS,
)

Tagged = list[tuple[str, str]]
"""Tokens with their IOB2 tags."""

ATTEMPTS = 200  # to make a new pair of sentences, before the grammar counts as exhausted


class ApplesReader(Reader):
    """Makes sentences; see `ApplesConfig` for the parameters.

    An example has ``tokens``, ``text``, ``tags`` (IOB2: ORG, FRUIT, PER, LOC, PRODUCT, DISH) and
    ``label`` (company, fruit); ``meta["template"]`` is its frame, which occurs in one split only.
    """

    def __init__(
        self,
        *,
        seed: int = 13,
        train_size: int = 1200,
        val_size: int = 200,
        test_size: int = 400,
    ) -> None:
        self._seed = seed
        self._sizes = dict(zip(SPLITS, (train_size, val_size, test_size), strict=True))
        for split, size in self._sizes.items():
            if size < 2 or size % 2:
                raise ConfigError(
                    f"data.{split}_size={size}: expected an even number, at least 2: "
                    "sentences come in pairs, a company and a fruit.",
                    cause=Cause.wrong_value,
                )

    def examples(self, split: str) -> Iterator[Example]:
        """Return the sentences of a split; see `Reader.examples`.

        Raises:
            ConfigError: The split has another name than these three, or the grammar does not have
                that many sentences.
        """
        if split not in SPLITS:
            raise ConfigError(f"No split {split!r}. {did_you_mean(split, SPLITS)}")
        return iter(self._splits[split])

    @cached_property
    def _splits(self) -> dict[str, list[Example]]:
        rng = random.Random(self._seed)
        seen: set[str] = set()
        return {split: _make(split, size, rng, seen) for split, size in self._sizes.items()}


def _make(split: str, size: int, rng: random.Random, seen: set[str]) -> list[Example]:
    """Return ``size`` sentences, none of them in ``seen``."""
    made: list[tuple[Tagged, str, str]] = []
    while len(made) < size:
        for _ in range(ATTEMPTS):
            pair = _pair(split, rng)
            texts = {_text(tagged) for tagged, _, _ in pair}
            if not texts & seen:
                break
        else:
            raise ConfigError(
                f"data.{split}_size={size}: the grammar makes only about {len(made)} different "
                "sentences; use a smaller number."
            )
        seen |= texts
        made += pair
    rng.shuffle(made)
    return [_example(f"apples-{split}-{n:04}", *parts) for n, parts in enumerate(made, 1)]


def _pair(split: str, rng: random.Random) -> list[tuple[Tagged, str, str]]:
    """Return a sentence of each kind, with its kind and template: equal except for the clue."""
    opening = rng.choice(OPENINGS[split])
    form = rng.choice(sorted(MIDDLES[split]))
    middle = rng.choice(MIDDLES[split][form])
    template = " ".join(f"{opening} Apple {middle} <{form}>".split())
    before, ending = _fill(opening, rng), _fill(rng.choice(ENDINGS), rng)
    pair = []
    for kind in KINDS:
        apple = [("Apple", f"B-{APPLE_TYPES[kind]}")]
        clue = _fill(rng.choice(CLUES[kind][form]), rng)
        pair.append((before + apple + _fill(middle, rng) + clue + ending, kind, template))
    return pair


def _fill(pattern: str, rng: random.Random) -> Tagged:
    """Return the pattern's words with a random choice in place of each slot."""
    tagged: Tagged = []
    for part in pattern.split():
        slot = part.strip("{}")
        if slot == part:
            tagged.append((part, "O"))
        else:
            tagged += _tag(rng.choice(WORDS[slot]).split(), ENTITY_TYPES.get(slot))
    return tagged


def _tag(words: list[str], entity: str | None) -> Tagged:
    if entity is None:
        return [(word, "O") for word in words]
    return [(word, f"{'I' if n else 'B'}-{entity}") for n, word in enumerate(words)]


def _text(tagged: Tagged) -> str:
    """Return the sentence as written text: without a space before punctuation."""
    text = " ".join(word for word, _ in tagged)
    for mark in (",", ".", "!"):
        text = text.replace(f" {mark}", mark)
    return text


def _example(ident: str, tagged: Tagged, kind: str, template: str) -> Example:
    fields = {
        "tokens": [word for word, _ in tagged],
        "text": _text(tagged),
        "tags": [tag for _, tag in tagged],
        "label": kind,
    }
    return Example(ident, fields, meta={"template": template})
