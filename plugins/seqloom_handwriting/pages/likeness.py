"""Pages of different splits that are two images of one page."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqloom.interfaces import Example
from seqloom_handwriting.images.likeness import ALIKE, Pair, fingerprint, warn
from seqloom_handwriting.pages.model import Line, Page, box_around, find_image

log = logging.getLogger("seqloom")

FEW = 3  # lines: pages with fewer look alike by chance
PAGE = (48, 64)  # size of a page's fingerprint
WORDS = 0.5  # share of their words that two transcriptions of a page have in common: forms differ


@dataclass(frozen=True, slots=True)
class PageLook:
    """What is compared of a page: the part with its lines, and the words of its texts."""

    print: NDArray[np.float32]
    words: frozenset[str]

    @classmethod
    def of(cls, image: NDArray[np.uint8], lines: Sequence[Line]) -> PageLook | None:
        """Return the look of a page by its image and the lines on it; None if they are too few."""
        if len(lines) < FEW:
            return None
        height, width = image.shape
        left, top, right, bottom = box_around(list(lines))
        box = (max(left, 0), max(top, 0), min(right, width), min(bottom, height))
        words = frozenset(word.casefold() for line in lines for word in (line.text or "").split())
        return cls(fingerprint(image, PAGE, box), words)

    def is_like(self, other: PageLook) -> bool:
        """Return whether both are images of one page."""
        if float(self.print @ other.print) < ALIKE:
            return False
        both, either = self.words & other.words, self.words | other.words
        return not (self.words and other.words) or len(both) >= WORDS * len(either)


class SameLines:
    """Tells of pages whose lines several files of XML have, as an export in two forms has them."""

    def __init__(self) -> None:
        self._first: dict[tuple[Path, int], Path] = {}
        self._again: list[tuple[Path, Path]] = []

    def add(self, page: Page) -> None:
        """Take note of a page whose image exists."""
        texts = hash(tuple(line.text for line in page.lines))  # which needs less memory
        try:
            image = find_image(page).resolve()
        except ValueError:  # which its lines say
            return
        first = self._first.setdefault((image, texts), page.xml)
        if first != page.xml:
            self._again.append((page.xml, first))

    def report(self) -> None:
        """Warn of those since the last call."""
        if self._again:
            log.warning(
                "Files of XML with the image and the texts of another one: %d, such as %s with "
                "those of %s. Their lines are there twice; name one of the folders or files alone.",
                len(self._again),
                *self._again[0],
            )
        self._again = []


class PageLikeness:
    """Compares the pages of different splits."""

    def __init__(self) -> None:
        self._looks: dict[str, PageLook] = {}
        self._splits: dict[str, dict[str, str]] = {}

    def add(self, xml: str, look: PageLook | None) -> None:
        """Take note of how a page looks, by its XML."""
        if look is not None:
            self._looks[xml] = look

    def place(self, split: str, example: Example) -> None:
        """Take note of the page of a line, and of its split."""
        self._splits.setdefault(split, {})[example.meta["xml"]] = example.meta["page"]

    def warn(self, split: str) -> None:
        """Warn of pages of a split that look like pages of the splits before it."""
        here = self._known(split)
        pairs = []
        for other in self._splits:
            if other == split:
                break
            for xml, page in self._known(other).items():
                pairs += [
                    Pair(page, other, name, split)
                    for one, name in here.items()
                    if one != xml and self._looks[xml].is_like(self._looks[one])
                ]
        warn("pages", pairs)

    def _known(self, split: str) -> dict[str, str]:
        pages = self._splits.get(split, {})
        return {xml: page for xml, page in pages.items() if xml in self._looks}
