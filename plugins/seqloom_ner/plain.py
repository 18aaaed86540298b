"""Whether the tags of a data set are plain types, or prefixes and types."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from seqloom_ner.schemes import OUTSIDE, Tag, expected, not_plain, odd, spelled

FEW, MOST = 20, 100
"""Numbers of distinct tags up to which plain types may be rare, and may be recognized at all."""

_BEGINS = re.compile(r"[BI][-_:/.]\S+")
_LETTER = re.compile(r"[A-Z]-\S+")
_UPPER = re.compile(r"[BIESLUMW]-\S+")


class TagError(ValueError):
    """A tag of a data set because of which its scheme cannot be told.

    Attributes:
        tag: The tag.
        problem: What is wrong with it.
        alone: Whether it differs from most of the others; otherwise all are in question.
    """

    def __init__(self, tag: str, problem: str, *, alone: bool = False) -> None:
        self.tag, self.problem, self.alone = tag, problem, alone
        super().__init__(problem)


def are_plain(counts: Mapping[str, int]) -> bool:
    """Return whether tags are plain types; otherwise all of them have a prefix, or are O.

    They are looked at together, as ``e-mail`` may be a type, or E- and a type. Tags have prefixes
    if one of them is like ``B-PER`` or ``I_PER``, or if a type has several prefixes.

    Args:
        counts: Tag → how often it occurs.

    Raises:
        TagError: Some tags are like one, some like the other, or it cannot be told.
    """
    own = {tag: spelled(tag) for tag in counts if tag not in (OUTSIDE, OUTSIDE.lower())}
    whole = [tag for tag, found in own.items() if found is None]
    prefixed = any(map(_BEGINS.fullmatch, own)) or _is_shared(own)
    unknown = all(map(_LETTER.fullmatch, whole))
    if whole and (prefixed or unknown):
        raise _mixed(own, counts, unknown)
    if whole:
        _refuse_odd(own, sum(counts.values()))
    elif own and not prefixed and not any(len(t) == 1 or _UPPER.fullmatch(t) for t in own):
        tag, found = next(iter(own.items()))
        letter, kind = found or ("", "")
        raise TagError(
            tag,
            f"has the tag {tag!r}, which may be a plain type, or the prefix {letter} and the "
            f"type {kind!r}. Set head.scheme=io for plain types, or else iob1, iob2 or bioes.",
        )
    return bool(whole)


def refuse_prefixes(tags: Iterable[str]) -> None:
    """Refuse tags that are all like ``B-PER`` where plain types are wanted.

    Raises:
        TagError: They are, and some of them begin entities.
    """
    own = [tag for tag in tags if tag != OUTSIDE]
    if all(map(_UPPER.fullmatch, own)) and (first := next(filter(_BEGINS.fullmatch, own), None)):
        raise TagError(first, not_plain(first))


def refuse_swapped(tokens: Iterable[str]) -> None:
    """Refuse tokens that are all tags, since plain types beside them are the tokens.

    Raises:
        TagError: They are; names the first tag that begins an entity.
    """
    found = set(tokens)
    first = next(iter(sorted(filter(_BEGINS.fullmatch, found))), None)
    if first is not None and all(map(_UPPER.fullmatch, found - {OUTSIDE})):
        raise TagError(
            first,
            f"is {first!r}, as all tokens are like tags. Are their columns swapped? Set both: "
            "data.columns='{tokens: COLUMN, tags: COLUMN}'.",
        )


def with_letters(tags: Iterable[str]) -> list[str]:
    """Return the tags that could also be read as a prefix and a type."""
    return [tag for tag in tags if len(tag) > 1 and spelled(tag) is not None]


def _is_shared(read: Mapping[str, Tag | None]) -> bool:
    """Return whether a type has several prefixes."""
    found = {one for tag, one in read.items() if one and len(tag) > 1}
    return len({kind for _, kind in found}) < len(found)


def _mixed(own: Mapping[str, Tag | None], counts: Mapping[str, int], unknown: bool) -> TagError:
    """Return the error for tags with and without prefixes, which names one of the rarer kind.

    Args:
        own: Tag → prefix and type, or None.
        counts: Tag → how often it occurs.
        unknown: Whether those without are like ``X-PER``.
    """
    whole = [tag for tag, found in own.items() if found is None]
    others = [tag for tag, found in own.items() if found is not None]
    if not unknown and sum(counts[tag] for tag in others) < sum(counts[tag] for tag in whole):
        return TagError(
            others[0],
            f"has the tag {others[0]!r}, but most tags are plain types, such as {whole[0]!r}. If "
            "all of them are, set head.scheme=io.",
            alone=True,
        )
    if whole[0] == "0":
        return TagError("0", f"{expected('0')} Is it the letter O?", alone=True)
    hint = "If all tags are plain types, set head.scheme=io."
    if others:
        hint = f"Other tags have prefixes, such as {others[0]!r}. {hint}"
    return TagError(whole[0], f"{expected(whole[0])} {odd(whole[0]) or hint}", alone=True)


def _refuse_odd(tags: Collection[str], count: int) -> None:
    """Refuse plain types that look like something else.

    Raises:
        TagError: They are numbers, features or other names of O, or there are too many.
    """
    for tag in tags:
        if hint := odd(tag):
            raise TagError(tag, f"{expected(tag)} {hint}")
    if len(tags) > MOST or (len(tags) > FEW and len(tags) * 2 > count):
        first = next(iter(tags))
        raise TagError(
            first,
            f"{expected(first)} There are {len(tags)} different tags: is it the column of the "
            "tags? If so, plain types are read with head.scheme=io.",
        )
