"""Characters as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from seqloom_text.frontends.fields import FIRST, UNK

MAX_CHARACTERS = 40
"""Of a longer word, only the first and the last half of this many characters are read."""

MAX_SPELLED = 100_000
"""Maximum number of words whose character ids are kept."""

_END = 0x110000  # beyond the last code point: a search always ends before it


class Alphabet:
    """The known characters.

    Attributes:
        size: Number of ids, with padding and unknown.
        dtype: Type of the arrays; the smallest that holds all ids.
    """

    def __init__(self, characters: str) -> None:
        points = np.unique(_code_points(characters)).astype(np.int64)
        self._points = np.append(points, _END)
        self.size = len(points) + FIRST
        self.dtype = np.dtype(np.int16 if self.size <= np.iinfo(np.int16).max else np.int32)
        self._spelled: dict[str, bytes] = {}
        self._unknown = np.array([UNK], self.dtype).tobytes()
        self._bytes: dict[str, bytes] = {}  # of the id of each character that was met

    def ids(self, text: str) -> np.ndarray:
        """Return the id of each character, (T,).

        >>> Alphabet("cab").ids("abx").tolist()
        [2, 3, 1]
        """
        points = _code_points(text)
        places = np.searchsorted(self._points, points)
        return np.where(self._points[places] == points, places + FIRST, UNK).astype(self.dtype)

    def folded(self, lowercase: bool) -> np.ndarray:
        """Return the id (A,) of each id's character in lower case, its own if that is unknown.

        >>> Alphabet("aAB").folded(True).tolist()
        [0, 1, 4, 3, 4]
        """
        own = np.arange(self.size)
        if not lowercase:
            return own
        lowered = [chr(point).lower() for point in self._points[:-1]]
        ids = [self.ids(text)[0] if len(text) == 1 else UNK for text in lowered]
        found = np.concatenate([own[:FIRST], np.array(ids, own.dtype)])
        return np.where(found == UNK, own, found)

    def spell(self, words: Sequence[str]) -> np.ndarray:
        """Return the character ids of each word, (T, W), padded on the right.

        W is at least 1, and a word without characters becomes one unknown character. Words of more
        than ``MAX_CHARACTERS`` lose their middle.

        >>> Alphabet("cab").spell(["ab", "c"]).tolist()
        [[2, 3], [4, 0]]
        """
        if not words:
            return np.empty((0, 1), self.dtype)
        known = self._spelled
        try:
            rows = [known[word] for word in words]
        except KeyError:
            rows = [known.get(word) or self._spell(word) for word in words]
        width = max(map(len, rows))
        joined = bytearray().join([row.ljust(width, b"\0") for row in rows])  # PAD is 0
        return np.frombuffer(joined, self.dtype).reshape(len(rows), -1)

    def _spell(self, word: str) -> bytes:
        """Return the bytes of a word's character ids; most words come again, so they are kept."""
        short = word if len(word) <= MAX_CHARACTERS else _without_middle(word)
        known = self._bytes
        try:
            spelled = b"".join([known[one] for one in short]) or self._unknown
        except KeyError:
            spelled = self.ids(short).tobytes()
            size = self.dtype.itemsize
            known.update((c, spelled[n * size :][:size]) for n, c in enumerate(short))
        if short is word:
            if len(self._spelled) >= MAX_SPELLED:
                self._spelled.clear()
            self._spelled[word] = spelled
        return spelled

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for other processes, without the words that are kept."""
        return {**self.__dict__, "_spelled": {}}


def _without_middle(word: str) -> str:
    return word[: MAX_CHARACTERS // 2] + word[-(MAX_CHARACTERS // 2) :]


def _code_points(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
