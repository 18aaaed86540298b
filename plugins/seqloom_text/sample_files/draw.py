"""Draw from lists, the same on every version of Python."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence

_SLOT = re.compile(r"\{(\w+)\}")


class Draw:
    """Draws with a seed; `random.Random.choice` may change between versions of Python.

    Args:
        seed: Seed.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed).random

    def one(self, options: Sequence[str]) -> str:
        """Return one of the options."""
        return options[int(self.random() * len(options))]

    def filled(self, text: str, words: Mapping[str, Sequence[str]]) -> str:
        """Return a text with each ``{slot}`` replaced by one of its words."""
        return _SLOT.sub(lambda found: self.one(words[found[1]]), text)
