"""A test of pen strokes: whether y grows in the opposite direction to the reader's setting."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

from seqloom.errors import ExampleError
from seqloom.interfaces import Example
from seqloom_handwriting.readers.inkml import Strokes

log = logging.getLogger("seqloom")

LEVEL = 0.1  # a stroke that ends within this share of the writing's height from its start is level
ENOUGH = 50  # strokes that are not level: fewer say nothing
FEW = 0.25  # share of strokes that end below their start, under which the writing is upside down


class UpsideDown:
    """Warns once if most strokes end above their start.

    In all scripts a pen is pulled down more often than it is pushed up, and it goes back up through
    the air: seven of eight strokes of digits end below their start.

    Args:
        y_up: What the reader was told.
    """

    def __init__(self, y_up: bool) -> None:
        self._y_up = y_up
        self._warned = False

    def check(self, examples: Iterable[Example | ExampleError]) -> Iterator[Example | ExampleError]:
        """Yield the examples unchanged, then warn."""
        down = strokes = 0
        where = ""
        for example in examples:
            if isinstance(example, Example):
                where = where or str(example.origin or example.id)
                ended = [end > 0 for end in ends(example.fields["strokes"])]
                down, strokes = down + sum(ended), strokes + len(ended)
            yield example
        if strokes >= ENOUGH and down < FEW * strokes and not self._warned:
            self._warned = True
            log.warning(
                "%s: the strokes look upside down: %d of %d end above their start. If y grows %s "
                "in these data, set data.y_up=%s.",
                where,
                strokes - down,
                strokes,
                "downwards" if self._y_up else "upwards",
                str(not self._y_up).lower(),
            )


def ends(strokes: Strokes) -> list[float]:
    """Return how far below its start each stroke ends, without those that are level.

    >>> ends([[(0, 0), (1, 9)], [(0, 5), (9, 5)], [(3, 8), (3, 0)]])
    [9, -8]
    """
    heights = [y for stroke in strokes for _, y in stroke]
    least = LEVEL * (max(heights) - min(heights)) if heights else 0.0
    found = [stroke[-1][1] - stroke[0][1] for stroke in strokes if stroke]
    return [end for end in found if abs(end) > least]
