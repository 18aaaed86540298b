"""The reader of ``data=lingo``: sentence pairs, generated from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cached_property

from seqloom.errors import Cause, ConfigError, did_you_mean
from seqloom.interfaces import SPLITS, Example, Reader
from seqloom_translation.lingo.grammar import sentence

ATTEMPTS = 1000
"""Number of attempts at a new sentence before the grammar counts as exhausted."""


class LingoReader(Reader):
    """Makes sentence pairs; see ``seqloom_translation.schemas.Lingo`` for the parameters.

    An example has ``text``, English, and ``translation``, a list with one text. No sentence occurs
    twice in all splits.
    """

    def __init__(
        self, *, seed: int = 7, train_size: int = 4000, val_size: int = 200, test_size: int = 400
    ) -> None:
        self._seed = seed
        self._sizes = dict(zip(SPLITS, (train_size, val_size, test_size), strict=True))
        for split, size in self._sizes.items():
            if size < 0:
                raise ConfigError(
                    f"data.{split}_size={size}: expected at least 0", cause=Cause.wrong_value
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
        return {split: self._made(split, rng, seen) for split in SPLITS}

    def _made(self, split: str, rng: random.Random, seen: set[str]) -> list[Example]:
        """Return the sentences of a split, none of them in ``seen``."""
        found: list[Example] = []
        for number in range(1, self._sizes[split] + 1):
            for _ in range(ATTEMPTS):
                english, lingo = sentence(rng)
                if english not in seen:
                    break
            else:
                raise ConfigError(
                    f"data.{split}_size={self._sizes[split]}: the grammar makes no more sentences "
                    "than those it has made; use a smaller number."
                )
            seen.add(english)
            fields = {"text": english, "translation": [lingo]}
            found.append(Example(f"lingo-{split}-{number:05}", fields))
        return found
