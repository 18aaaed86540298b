"""A warning about scripts that run from right to left, which CTC cannot read in Unicode's order."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Iterable, Iterator

from seqloom.errors import ExampleError
from seqloom.interfaces import Example

log = logging.getLogger("seqloom")


class DirectionWarning:
    """Warns of the first example whose text runs from right to left.

    Columns of an image are read from left to right, and CTC keeps that order: the first character
    of a text has to be the leftmost one.
    """

    def __init__(self) -> None:
        self._said = False

    def check(self, examples: Iterable[Example | ExampleError]) -> Iterator[Example | ExampleError]:
        """Yield the examples unchanged."""
        for example in examples:
            if isinstance(example, Example):
                self._check(example)
            yield example

    def _check(self, example: Example) -> None:
        if not self._said and runs_leftwards(example.fields.get("text", "")):
            self._said = True
            log.warning(
                "%s: the text %r has letters that run from right to left, but images are read from "
                "left to right. Such texts can only be learnt if their characters are in the "
                "order of the image (visual order, as a bidi algorithm makes it); predictions then "
                "have that order too. This is said once.",
                example.origin or example.id,
                example.fields["text"],
            )


def runs_leftwards(text: str) -> bool:
    """Return whether a text has a letter of a script that runs from right to left.

    >>> runs_leftwards("abc 12"), runs_leftwards("\u05d0 12")
    (False, True)
    """
    return any(unicodedata.bidirectional(character) in ("R", "AL") for character in text)
