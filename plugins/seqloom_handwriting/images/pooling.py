"""How much convolutions with pooling shrink an image: the arithmetic that all who ask share."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from seqloom.errors import ConfigError

_FACTORS = re.compile(r"([1-9][0-9]*)x([1-9][0-9]*)")


@dataclass(frozen=True)
class Pooling:
    """What each layer's pooling divides the height and the width by, rounding down.

    Rounding down step by step gives what rounding down once by the product gives, so the numbers
    of the last layer are known without the others.

    >>> pooling = Pooling.parse(["2x2", "2x1"])
    >>> pooling.height, pooling.width, 37 // pooling.height
    (4, 2, 9)
    """

    steps: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Pooling:
        """Return the pooling of texts ``2x1``, height by width.

        Raises:
            ConfigError: a text is something else.
        """
        return cls(tuple(map(_step, texts)))

    @property
    def height(self) -> int:
        """By how much all layers together divide the height."""
        return math.prod(height for height, _ in self.steps)

    @property
    def width(self) -> int:
        """By how much all layers together divide the width; the least width that they can read."""
        return math.prod(width for _, width in self.steps)


def _step(text: str) -> tuple[int, int]:
    found = _FACTORS.fullmatch(str(text))
    if found is None:
        raise ConfigError(
            f"frontend.pooling has {text!r}: expected height x width, such as 2x2, 2x1 or 1x1."
        )
    return int(found[1]), int(found[2])
