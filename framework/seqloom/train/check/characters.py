"""Characters in texts that are hardly meant: damaged, invisible, or composed in two ways."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping

from seqloom.data.encoded import EncodedSplit
from seqloom.errors import plural
from seqloom.interfaces import Example
from seqloom.train.check.finding import Finding, place

ADVICE = {
    "damaged": "U+FFFD, which a decoder inserts for bytes that it cannot decode. Read the files in "
    "their own encoding",
    "mojibake": "UTF-8 that was read as Latin-1 ('Ã©' for 'é'). Repair them",
    "control": "control characters. Remove them",
    "invisible": "invisible characters, such as a byte order mark or a zero-width space, "
    "so that words which look alike differ. Remove them",
    "decomposed": "letters with separate accents (Unicode form NFD) while others do not, "
    "so that words which look alike differ. Bring all texts to one form, such as NFC",
}
"""What is wrong with texts, and what to do."""

MEANT = "\u200c\u200d\u00ad"
"""Invisible characters that have a meaning in some scripts: joiners, and the soft hyphen."""


def characters(splits: Mapping[str, EncodedSplit]) -> Iterator[Finding]:
    """Yield what is odd about the characters of texts and tokens.

    Args:
        splits: Encoded examples by split.
    """
    places: dict[str, list[str]] = defaultdict(list)
    composed = total = 0
    for split in splits.values():
        for encoded in split:
            text = _text(encoded.example)
            if text:
                total += 1
            if not text or (text.isascii() and text.isprintable()):
                continue
            kinds = _problems(text)
            composed += "decomposed" not in kinds and text != unicodedata.normalize("NFD", text)
            for kind in kinds:
                places[kind].append(place(encoded.example))
    if not composed:
        places.pop("decomposed", None)  # all are, which is one form
    for kind, found in places.items():
        yield Finding(
            "characters",
            error=False,
            text=f"{len(found):,} of {total:,} examples "
            f"{plural(len(found), 'contains', 'contain')} {ADVICE[kind]}.",
            places=found,
        )


def _text(example: Example) -> str:
    """Return the texts and tokens of an example, joined."""
    parts: list[str] = []
    for value in example.fields.values():
        if isinstance(value, str):
            parts.append(value)
        elif isinstance(value, list):
            parts += [one for one in value if isinstance(one, str)]
    return " ".join(parts)


def _problems(text: str) -> list[str]:
    found = ["damaged"] if "\ufffd" in text else []
    if any(pair in text for pair in ("Ã©", "Ã¨", "Ã¤", "Ã¶", "Ã¼", "â€™", "â€œ", "Â ")):
        found.append("mojibake")
    categories = {unicodedata.category(one) for one in text if one not in "\t\n\r" + MEANT}
    if "Cc" in categories:
        found.append("control")
    if "Cf" in categories:
        found.append("invisible")
    if text != unicodedata.normalize("NFC", text):
        found.append("decomposed")
    return found
