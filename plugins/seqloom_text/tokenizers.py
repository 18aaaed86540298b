"""Tokenizers: from a text to the offsets of its tokens.

For every tokenizer, ``text[start:end]`` is the token, tokens are in order and do not overlap, and
every character that is not white space is in exactly one of them.

The tokenizer ``rules`` splits at white space, and within that:

1. URLs (``http://``, ``https://``, ``ftp://``, ``www.``) and e-mail addresses stay whole, without
   the punctuation that follows them.
2. Single letters with full stops are one abbreviation: ``U.S.``, ``e.g.``; other full stops are
   tokens: ``Dr .``.
3. A word is a run of letters, digits, underscores and the marks on them, so ``5mg`` and ``IL2`` are
   one token. Between digits ``.``, ``,`` and ``:`` belong to the number: ``3.5``, ``1,000``,
   ``10:30``.
4. Hyphens and slashes split: ``L-dopa`` is ``L - dopa``, since names of chemicals and of people
   begin and end at hyphens.
5. English clitics are tokens, as in the Penn Treebank: ``do n't``, ``it 's``, ``we 'll``. Any other
   apostrophe between letters stays: ``O'Neil``, ``l'eau``.
6. Han and kana are one token per character, since words are not spaced there. Other scripts that
   write words without spaces, such as Thai, are split at spaces and punctuation only; the frontend
   ``characters`` suits them better.
7. An emoji with its modifiers and joined parts is one token, and so is a flag.
8. ``.``, ``-``, ``!`` and ``?`` in a row are one token; any other character is a token.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache
from itertools import groupby

from seqloom.errors import ConfigError, did_you_mean

Offsets = list[tuple[int, int]]

_LONE = (
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9d\U00020000-\U0003ffff"
)
_JOINERS = "\u200c\u200d"
_EMOJI_PARTS = "\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f"  # skin tones, tags of flags
_CLITIC = r"['’](?i:s|re|ve|ll|d|m)"
_SPACED = re.compile(r"\S+")


def whitespace(text: str) -> Offsets:
    """Split at white space alone.

    >>> whitespace(" to be,  or")
    [(1, 3), (4, 7), (9, 11)]
    """
    return [found.span() for found in _SPACED.finditer(text)]


def rules(text: str) -> Offsets:
    """Split by the rules above.

    >>> text = "Don't take 3.5 mg of L-dopa (see www.who.int)."
    >>> [text[start:end] for start, end in rules(text)]  # doctest: +NORMALIZE_WHITESPACE
    ['Do', "n't", 'take', '3.5', 'mg', 'of', 'L', '-', 'dopa', '(', 'see', 'www.who.int', ')', '.']
    """
    token, clitic = _patterns()
    offsets: Offsets = []
    for found in token.finditer(text):
        start, end = found.span()
        # Only words with an apostrophe can end in a clitic.
        cut = clitic.search(found[0]) if found.lastgroup == "apostrophe" else None
        if cut is None or not cut.start():
            offsets.append((start, end))
        else:
            middle = start + cut.start()
            offsets += [(start, middle), (middle, end)]
    return offsets


TOKENIZERS: dict[str, Callable[[str], Offsets]] = {"rules": rules, "whitespace": whitespace}


def get_tokenizer(name: str) -> Callable[[str], Offsets]:
    """Return the tokenizer of a name.

    Raises:
        ConfigError: It does not exist.
    """
    if name not in TOKENIZERS:
        raise ConfigError(f"Unknown tokenizer {name!r}. {did_you_mean(name, TOKENIZERS)}")
    return TOKENIZERS[name]


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return the patterns of a token and of a clitic at the end of one.

    Every repetition that could be tried again from each of its characters is bounded or
    possessive, so that the time is linear in the length of any text.
    """
    marks = "".join(_mark_ranges())
    inner = rf"(?:[^\W{_LONE}]|[{marks}{_JOINERS}])"
    word = rf"[^\W{_LONE}]{inner}*+(?:(?<=\d)[.,:](?=\d){inner}++)*+"
    extended = rf"[{marks}{_EMOJI_PARTS}]*+"
    token = "|".join(
        [
            r"(?i:https?://|ftp://|www\.)[^\s<>\"“”]*[\w/]",
            r"[\w.+\-]{1,64}+@[\w\-]++(?:\.[\w\-]++)++",
            r"(?:[^\W\d_]\.){2,8}(?!\w)",
            rf"(?<!\w){_CLITIC}(?!\w)",
            rf"(?P<apostrophe>{word}(?:['’]{word})++)",
            word,
            rf"[{_LONE}][{marks}]*+",
            r"[\U0001F1E6-\U0001F1FF]{2}",
            r"(?P<repeated>[.\-!?])(?P=repeated)++",
            rf"\S{extended}(?:\u200d(?![\s\w])\S{extended})*+",
        ]
    )
    return re.compile(token), re.compile(rf"(?:[nN]['’][tT]|{_CLITIC})$")


def _mark_ranges() -> Iterator[str]:
    """Yield the ranges of combining marks, which are not word characters to ``re``."""
    # Beyond the first two planes there are ideographs; the only marks are variation selectors.
    points = (*range(0x300, 0x20000), *range(0xE0100, 0xE01F0))
    marks = (point for point in points if unicodedata.category(chr(point))[0] == "M")
    for _, run in groupby(enumerate(marks), key=lambda pair: pair[1] - pair[0]):
        members = [point for _, point in run]
        yield f"{chr(members[0])}-{chr(members[-1])}"
