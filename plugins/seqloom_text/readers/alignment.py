"""Tokens and their IOB2 tags from spans of characters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

from seqloom.errors import plural
from seqloom_text.readers.annotated import Span, SpanError
from seqloom_text.schemas_data import CountedIn
from seqloom_text.tokenizers import Offsets

_UNITS: Mapping[CountedIn, Callable[[str], int]] = {
    CountedIn.utf16: lambda character: 1 + (character > "\uffff"),
    CountedIn.bytes: lambda character: len(character.encode("utf-8", "surrogatepass")),
}
"""Number of units of a character."""


def in_characters(text: str, spans: Iterable[Span], counted: CountedIn) -> list[Span]:
    """Return spans whose offsets count something else as spans of characters.

    >>> in_characters("😀 Oslo", [Span(3, 7, "LOC")], CountedIn.utf16)
    [Span(start=2, end=6, kind='LOC', surface=None)]

    Raises:
        ValueError: A border is inside a character, or beyond the text.
    """
    if counted == CountedIn.characters:
        return list(spans)
    units = accumulate((_UNITS[counted](character) for character in text), initial=0)
    known = {offset: number for number, offset in enumerate(units)}
    size = max(known)

    def place(offset: int, span: Span) -> int:
        if not 0 <= offset <= size:
            raise ValueError(f"{span} is not in the text of {size} units (data.offsets={counted}).")
        if offset not in known:
            raise ValueError(f"{span} has a border inside a character (data.offsets={counted}).")
        return known[offset]

    return [replace(s, start=place(s.start, s), end=place(s.end, s)) for s in spans]


def checked(text: str, spans: Iterable[Span]) -> list[Span]:
    """Return the spans of a text in order; equal ones count once.

    Raises:
        SpanError: A span is empty, white space or not in the text, the record states other
            characters for it, or two overlap.
    """
    found = sorted({(s.start, s.end, s.kind): s for s in spans}.values(), key=_place)
    for span in found:
        if span.start > span.end:
            raise SpanError(f"{span} ends before it begins.", span.line)
        if span.start < 0 or span.end > len(text):
            raise SpanError(
                f"{span} is not in the text, which has {len(text)} "
                f"{plural(len(text), 'character')}."
                f"{_units(text)}",
                span.line,
            )
        own = text[span.start : span.end]
        if not own.strip():
            what = "white space" if own else "empty"
            raise SpanError(f"{span} is {what}; expected characters.", span.line)
        if span.surface is not None and _bare(span.surface) != _bare(own):
            raise SpanError(
                f"{span} is {own[:40]!r} in the text, but {span.surface[:40]!r} according to the "
                f"record.{_fitting(text, span)}",
                span.line,
            )
    for before, after in pairwise(found):
        if after.start < before.end:
            raise SpanError(
                f"{before} and {after} overlap. A token has one tag: keep one of the spans, or "
                "train a model for each of their types.",
                after.line,
            )
    return found


def _place(span: Span) -> tuple[int, int, str]:
    return span.start, span.end, span.kind


def _bare(text: str) -> str:
    """Return a text without white space, which tools write in several ways."""
    return "".join(text.replace("\\n", "").split())


def _fitting(text: str, span: Span) -> str:
    """Return which unit the offsets count, if characters are wrong and another one is right."""
    for counted in _UNITS:
        try:
            (one,) = in_characters(text, [span], counted)
        except ValueError:
            continue
        if _bare(text[one.start : one.end]) == _bare(span.surface or ""):
            return f" The offsets fit data.offsets={counted}."
    if _bare(text[span.start : span.end + 1]) == _bare(span.surface or ""):
        return " The end must be the character after the last, not the last."
    return " Is it the text that was annotated?"


def _units(text: str) -> str:
    """Return a hint at other units if they would make a difference."""
    return "" if text.isascii() else " If offsets count other units: data.offsets=utf16 or bytes."


def aligned(
    text: str, spans: Sequence[Span], offsets: Offsets
) -> tuple[Offsets, list[str], list[Span]]:
    """Return the places of the tokens, their tags, and the spans with a border inside a token.

    A token is split at the borders of spans.

    Args:
        text: Text.
        spans: Spans in order, as `checked` returns them.
        offsets: Places of the tokens that the text has without them.
    """
    borders = sorted({place for span in spans for place in (span.start, span.end)})
    pieces: Offsets = []
    inside = set[int]()
    at = 0
    for start, end in offsets:
        while at < len(borders) and borders[at] <= start:
            at += 1
        first = at
        while at < len(borders) and borders[at] < end:
            at += 1
        inside.update(borders[first:at])
        pieces += pairwise((start, *borders[first:at], end))
    tags, number, opened = list[str](), 0, False
    for start, _ in pieces:
        while number < len(spans) and spans[number].end <= start:
            number, opened = number + 1, False
        if number < len(spans) and spans[number].start <= start:
            tags.append(f"{'I' if opened else 'B'}-{spans[number].kind}")
            opened = True
        else:
            tags.append("O")
    return pieces, tags, [span for span in spans if not inside.isdisjoint((span.start, span.end))]
