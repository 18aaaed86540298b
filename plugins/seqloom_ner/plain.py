"""Whether the tags of a data set are plain types, or prefixes and types."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from seqloom_ner import Scheme
from seqloom_ner.schemes import OUTSIDE, OUTSIDES, Tag, expected, not_plain, odd, spelled

FEW, MOST = 20, 100
"""Numbers of distinct tags up to which plain types may be rare, and may be recognized at all."""

_BEGINS = re.compile(r"[BI][-_:/.]\S(?:.*\S)?")
_LETTER = re.compile(r"[A-Z]-\S(?:.*\S)?")
_UPPER = re.compile(r"[BIESLUMW]-\S(?:.*\S)?")


class TagError(ValueError):
    """A tag of a data set because of which its scheme cannot be told.

    Attributes:
        tag: The tag.
        problem: What is wrong with it.
        strays: All tags that differ from most of the others, the tag first, each with what is wrong
            with it; empty if all tags are in question.
    """

    def __init__(self, tag: str, problem: str, strays: Mapping[str, str] | None = None) -> None:
        self.tag, self.problem, self.strays = tag, problem, strays or {}
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
    prefixed = any(map(_BEGINS.fullmatch, own)) or bool(_sharing(own))
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


def other_form(tag: str, scheme: Scheme, trained: Scheme, tags: Sequence[str]) -> str:
    """Return what is wrong with a tag of other data than the training examples, and what to do.

    Args:
        tag: Tag that cannot be read in the scheme.
        scheme: Scheme in which tags are read.
        trained: Scheme of the training examples.
        tags: Their tags in IOB2, O first.
    """
    plain = scheme == Scheme.io
    if not plain and (hint := odd(tag)):
        return f"{expected(tag)} {hint}"
    forms = {True: "are plain types", False: "have prefixes"}
    own = f", such as {tags[1][2 * plain :]!r}" if len(tags) > 1 else ""
    if plain != (trained == Scheme.io):
        return (
            f"has the tag {tag!r}, but head.scheme={scheme} reads tags that {forms[plain]}. The "
            f"training tags {forms[not plain]}: leave out head.scheme."
        )
    other = Scheme.iob2 if plain else Scheme.io
    return (
        f"has the tag {tag!r}, but the training tags {forms[plain]}{own}. Correct it; or, if "
        f"all tags of this file {forms[not plain]}, convert them, or evaluate on it with "
        f"head.scheme={other}."
    )


def with_letters(tags: Iterable[str]) -> list[str]:
    """Return the tags that could also be read as a prefix and a type."""
    return [tag for tag in tags if len(tag) > 1 and spelled(tag) is not None]


def _sharing(read: Mapping[str, Tag | None]) -> list[str]:
    """Return the tags whose type another tag has with another prefix."""
    found = {tag: one for tag, one in read.items() if one and len(tag) > 1}
    prefixes = Counter(kind for _, kind in set(found.values()))
    return [tag for tag, (_, kind) in found.items() if prefixes[kind] > 1]


def _mixed(own: Mapping[str, Tag | None], counts: Mapping[str, int], unknown: bool) -> TagError:
    """Return the error for tags with and without prefixes, which names those of the rarer kind.

    Args:
        own: Tag → prefix and type, or None.
        counts: Tag → how often it occurs.
        unknown: Whether those without are like ``X-PER``.
    """
    whole = [tag for tag, found in own.items() if found is None]
    others = [tag for tag, found in own.items() if found is not None]
    rare = sum(counts[tag] for tag in others) < sum(counts[tag] for tag in whole)
    if rare and all(map(_replaces_outside, whole)):
        return TagError(whole[0], _without_prefix(whole[0], others))
    if rare and not unknown:
        sharing = _sharing(own)
        strays = {
            tag: f"has the tag {tag!r}, but most tags are plain types, such as {whole[0]!r}. If "
            "all of them are, set head.scheme=io."
            for tag in others
            if _BEGINS.fullmatch(tag) or tag in sharing  # not e-mail
        }
    else:
        strays = {tag: _without_prefix(tag, others) for tag in whole}
    first, problem = next(iter(strays.items()))
    return TagError(first, problem, {} if rare and unknown else strays)


def _replaces_outside(tag: str) -> bool:
    """Return whether a tag is one that some write in place of O."""
    return tag == "0" or tag.lower() in OUTSIDES


def _without_prefix(tag: str, others: Sequence[str]) -> str:
    """Return what is wrong with a tag without a prefix beside others that have one."""
    if tag == "0":
        return f"{expected(tag)} Is it the letter O?"
    hint = "If all tags are plain types, set head.scheme=io."
    if others:
        hint = f"Other tags have prefixes, such as {others[0]!r}. {hint}"
    return f"{expected(tag)} {odd(tag) or hint}"


def _refuse_odd(tags: Collection[str], count: int) -> None:
    """Refuse plain types that look like something else.

    Raises:
        TagError: They are numbers, features or other names of O, or there are too many.
    """
    for tag in sorted(tags, key=lambda one: one.lower() in OUTSIDES):
        if hint := odd(tag):
            raise TagError(tag, f"{expected(tag)} {hint}")
    if len(tags) > MOST or (len(tags) > FEW and len(tags) * 2 > count):
        first = next(iter(tags))
        raise TagError(
            first,
            f"{expected(first)} There are {len(tags)} different tags: is it the column of the "
            "tags? If so, plain types are read with head.scheme=io.",
        )
