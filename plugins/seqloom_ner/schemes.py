"""Tag schemes: how B-, I-, E- and S- in front of a type mark entities in a list of tags.

seqloom uses one scheme internally, IOB2; data in another is converted when it is encoded. BILOU
and BMEWO are BIOES with other letters, and read as such. So are other spellings: ``b-per``,
``B_PER``, ``PER-B``. In the scheme IO, tags are plain types. The names IOB1 and IOB2 are those of
Tjong Kim Sang and Veenstra 1999, "Representing text chunks".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from typing import TypeVar

from seqloom_ner import Scheme

OUTSIDE = "O"
ONLY_TYPE = "entity"
"""The type of tags that name none, B and I."""
T = TypeVar("T")
Tag = tuple[str, str]
"""Prefix and type; the type of O is empty."""

_LETTERS = {"L": "E", "U": "S", "M": "I", "W": "S"}
"""Prefixes of BILOU and BMEWO → those of BIOES."""

OUTSIDES = ("", "_", "-", "out", "outside", "none", "null", "nil", "n/a", "nan", "<na>")
"""How O is written elsewhere, in lower case."""
_ODD = {
    re.compile(r"\d+"): "Name the tags of such numbers: data.names.tags='[O, B-PER, I-PER]'.",
    re.compile(
        r"[\w.]+=.*>"
    ): "Is this line a mark of the document, and no token? Remove such lines.",
    re.compile(
        r"([\w.]+)=.*"
    ): "The tags in such features of a CoNLL file: data.features.tags=\\1.",
    re.compile(r".+[/|](?:O|[BIES]-[^\s/|]+)"): (
        "Tags that are joined to their tokens are not read: give them a column of their own."
    ),
    re.compile(r"[01]?\.\d+"): (
        "Is this the column of the tags? Predictions as CoNLL have confidences in the last one and "
        "are read with data.columns='{tokens: 1, tags: 2}'."
    ),
    re.compile(r"\([^*\s]*\*\)*|\*\)*"): (
        "Brackets, as in CoNLL-2012, are not read: write B-, I- and O in their place."
    ),
}
"""What to do about tags of each pattern."""
_PREFIXES = {Scheme.iob1: "BI", Scheme.iob2: "BI", Scheme.bioes: "BIES", Scheme.io: "I"}
_USUAL = re.compile(r"[BIESLUMW]-\S(?:.*\S)?")
_BY_TYPE = (Scheme.iob1, Scheme.io)
"""Schemes in which an entity begins where the type changes."""
_SPELLINGS = (
    re.compile(r"(?P<letter>[BIESLUMWbieslumw])[-_:/.](?P<kind>\S(?:.*\S)?)"),
    re.compile(r"(?P<kind>\S(?:.*\S)?)[-_:/.](?P<letter>[BIESLUMW])"),
)
"""Prefix and type, or type and prefix."""


class SchemeError(ValueError):
    """A tag that its scheme does not allow at its position, which is counted from 0."""

    def __init__(self, position: int, problem: str) -> None:
        self.position = position
        self.problem = problem
        super().__init__(f"token {position + 1} {problem}")


def parse(tag: str, position: int = 0) -> Tag:
    """Return prefix and type of a tag. The type may contain hyphens.

    Raises:
        SchemeError: The tag is neither O nor one of B I E S, with a hyphen and a type or alone.

    >>> parse("B-some-type"), parse("O"), parse("L-PER"), parse("PER_B")
    (('B', 'some-type'), ('O', ''), ('E', 'PER'), ('B', 'PER'))
    """
    if tag in (OUTSIDE, "o"):
        return OUTSIDE, ""
    found = spelled(tag)
    if found is None:
        hint = odd(tag) or "Plain types are read with head.scheme=io."
        raise SchemeError(position, f"{expected(tag)} {hint}")
    return found


def spelled(tag: str) -> Tag | None:
    """Return prefix and type of a tag other than O, in any spelling; None if it has no prefix."""
    if tag in ("B", "I", "E", "S", *_LETTERS):
        return _LETTERS.get(tag, tag), ONLY_TYPE
    found = next(filter(None, (one.fullmatch(tag) for one in _SPELLINGS)), None)
    if found is None:
        return None
    letter = found["letter"].upper()
    return _LETTERS.get(letter, letter), found["kind"]


def expected(tag: str) -> str:
    """Return the sentence that a tag is not one of those that are read."""
    return (
        f"has the tag {tag!r}; head=ner needs O, or B- or I- (in BIOES also E- or S-) and a "
        "type, such as 'B-PER'."
    )


def odd(tag: str) -> str:
    """Return what to do about a tag that looks neither like a type nor like a prefix and one."""
    for pattern, remedy in _ODD.items():
        if found := pattern.fullmatch(tag):
            return found.expand(remedy)
    if tag.lower() in OUTSIDES:
        return "Write O where there is no entity; head.scheme=io reads it as a type."
    return ""


def not_plain(tag: str) -> str:
    """Return the sentence that a tag is not a plain type."""
    return (
        f"has the tag {tag!r}, but the tags of head.scheme=io are plain types; set "
        "head.scheme=auto."
    )


def parse_all(tags: Sequence[str]) -> list[Tag]:
    """Return prefix and type of each tag.

    Raises:
        SchemeError: One of them is not a valid tag.
    """
    return [parse(tag, position) for position, tag in enumerate(tags)]


def parse_plain(tags: Sequence[str], known: Collection[str]) -> list[Tag]:
    """Return the tags of plain types as I and a type, or O.

    Args:
        tags: Tags of a sentence.
        known: Types of the training examples.

    Raises:
        SchemeError: One of them is like ``B-PER``, and no type.
    """
    for position, tag in enumerate(tags):
        if tag not in known and _USUAL.fullmatch(tag):
            raise SchemeError(position, not_plain(tag))
    return [(OUTSIDE, "") if tag in (OUTSIDE, "o") else ("I", tag) for tag in tags]


def _is_open(before: Tag, kind: str) -> bool:
    """Return whether an entity of the type is still open after a tag of BIOES or IOB."""
    return before[1] == kind and before[0] in "BI"


def _problem(before: Tag, tag: Tag, scheme: Scheme) -> str | None:
    """Return what is wrong with a tag after another, or None."""
    prefix, kind = tag
    previous = "-".join(filter(None, before))
    if prefix not in _PREFIXES[scheme] + OUTSIDE:
        return f"has the tag '{prefix}-{kind}', which {scheme} does not have"
    if scheme == Scheme.iob1:
        if prefix == "B" and not _is_open(before, kind):
            return f"has the tag 'B-{kind}' after '{previous}', where {scheme} has 'I-{kind}'"
        return None
    if scheme != Scheme.io and prefix in ("I", "E") and not _is_open(before, kind):
        opening = f"'B-{kind}'" if prefix == "I" else f"'B-{kind}' or 'S-{kind}'"
        return f"has the tag '{prefix}-{kind}' after '{previous}', where {scheme} has {opening}"
    if scheme == Scheme.bioes and before[0] in ("B", "I") and prefix not in ("I", "E"):
        return f"comes after '{previous}', which {scheme} must follow by 'I-' or 'E-{before[1]}'"
    return None


def _is_cut(last: Tag, scheme: Scheme) -> bool:
    """Return whether a sentence that ends in the tag leaves an entity open."""
    return scheme == Scheme.bioes and last[0] in ("B", "I")


def pairs_of(tags: Sequence[T]) -> Iterable[tuple[T | str, T]]:
    """Return each tag with the one before it; before the first there is O."""
    return zip(chain((OUTSIDE,), tags), tags, strict=False)


def problems(tags: Sequence[Tag], scheme: Scheme) -> Iterable[tuple[int, str]]:
    """Yield the position of each tag that the scheme forbids, with the reason."""
    before: Tag = (OUTSIDE, "")
    for position, tag in enumerate(tags):
        if tag != before or tag[1]:  # O after O is the common case
            problem = _problem(before, tag, scheme)
            if problem:
                yield position, problem
        before = tag
    if _is_cut(before, scheme):
        yield len(tags) - 1, f"leaves an entity of type '{before[1]}' open at the sentence's end"


def check(tags: Sequence[Tag], scheme: Scheme) -> None:
    """Reject a sequence that the scheme does not allow.

    Raises:
        SchemeError: Names the first tag that is not valid.
    """
    for position, problem in problems(tags, scheme):
        raise SchemeError(position, problem + ".")


class Pairs:
    """The distinct pairs of neighbouring tags in sentences, each with its number.

    Whether a scheme allows a tag depends only on the one before it, so each pair is looked at once,
    however often it occurs.
    """

    def __init__(self) -> None:
        self.tags: Counter[str] = Counter()
        """Number of the tokens with each tag."""
        self._counts: Counter[tuple[str, str]] = Counter()
        self._ends: Counter[str] = Counter()
        self._sentences: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        self._parsed: dict[str, Tag] = {}

    def add(self, tags: Sequence[str]) -> None:
        """Count the tags and pairs of a sentence."""
        distinct = set(tags)
        if not distinct <= self._parsed.keys():
            self._learn(dict.fromkeys(tags))
        self.tags.update(tags)
        self._counts.update(pairs_of(tags))
        self._ends.update(tags[-1:])
        of_types, of_tags = self._sentences
        of_types.update({self._parsed[tag][1] for tag in distinct} - {""})
        of_tags.update(distinct - {OUTSIDE, "o"})

    def update(self, others: Pairs) -> None:
        """Add the sentences that others have counted."""
        self.tags.update(others.tags)
        self._counts.update(others._counts)
        self._ends.update(others._ends)
        for own, other in zip(self._sentences, others._sentences, strict=True):
            own.update(other)
        self._parsed = self._parsed | others._parsed

    def _learn(self, tags: Iterable[str]) -> None:
        """Read tags; what has no prefix is here like O."""
        for tag in tags:
            found = None if tag in (OUTSIDE, "o") else spelled(tag)
            self._parsed.setdefault(tag, found or (OUTSIDE, ""))

    def sentences(self, plain: bool) -> Counter[str]:
        """Return the number of the sentences that have each type.

        Args:
            plain: Whether tags are plain types and O.
        """
        return self._sentences[plain]

    def broken(self, scheme: Scheme) -> int:
        """Return the number of places that the scheme forbids."""
        parsed = {OUTSIDE: (OUTSIDE, ""), **self._parsed}
        pairs = ((parsed[one], parsed[other], n) for (one, other), n in self._counts.items())
        inside = sum(n for before, tag, n in pairs if _problem(before, tag, scheme))
        return inside + sum(n for tag, n in self._ends.items() if _is_cut(parsed[tag], scheme))

    def respelled(self) -> dict[str, str]:
        """Return what tags that are spelled in another way are read as."""
        read = {tag: "-".join(filter(None, parsed)) for tag, parsed in self._parsed.items()}
        return {tag: own for tag, own in read.items() if tag[1:] != own[1:] or tag[0].islower()}

    def detect(self) -> Scheme:
        """Return the scheme that is violated least; IOB2 in case of a tie."""
        return min((Scheme.iob2, Scheme.iob1, Scheme.bioes), key=self.broken)


def detect(sentences: Iterable[Sequence[str]]) -> Scheme:
    """Return the scheme that the sentences violate least; IOB2 in case of a tie.

    >>> detect([["I-PER", "O", "I-LOC"]])
    <Scheme.iob1: 'iob1'>
    """
    pairs = Pairs()
    for tags in sentences:
        pairs.add(tags)
    return pairs.detect()


def to_iob2(tags: Sequence[Tag], scheme: Scheme) -> list[str]:
    """Return valid tags of the scheme as tags of IOB2.

    >>> to_iob2(parse_all(["S-LOC", "B-PER", "E-PER"]), Scheme.bioes)
    ['B-LOC', 'B-PER', 'I-PER']
    """
    converted = []
    before: Tag = (OUTSIDE, "")
    for prefix, kind in tags:
        opens = prefix in ("B", "S") or (scheme in _BY_TYPE and before[1] != kind)
        converted.append(f"{'B' if opens else 'I'}-{kind}" if kind else OUTSIDE)
        before = (prefix, kind)
    return converted
