"""Spans of characters become tags of tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom_text.readers.alignment import aligned, checked, in_characters
from seqloom_text.readers.annotated import Span, annotated
from seqloom_text.schemas_data import CountedIn
from seqloom_text.tokenizers import rules


@given(st.text("ab -.'5é😀\n", min_size=1), st.data())
def test_spans_come_back_from_the_tags(text: str, data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, len(text)), max_size=8, unique=True).map(sorted))
    drawn = [Span(a, b, "X") for a, b in zip(places[::2], places[1::2], strict=False)]
    spans = checked(text, [one for one in drawn if text[one.start : one.end].strip()])
    offsets, tags, _ = aligned(text, spans, rules(text))
    covered = "".join(text[start:end] for start, end in offsets)
    assert covered == "".join(text.split())
    found: list[list[int]] = []
    for (start, end), tag in zip(offsets, tags, strict=True):
        if tag == "B-X":
            found.append([start, end])
        elif tag == "I-X":
            found[-1][1] = end
    assert [text[a:b] for a, b in found] == [text[s.start : s.end].strip() for s in spans]


def test_groups_of_spans_are_not_taken_for_none() -> None:
    span = {"start": 0, "end": 3, "label": "PER"}
    doc = {"text": "Ada", "ents": [], "spans": {"sc": [span]}}
    with pytest.raises(ValueError, match="'spans' holds groups of spans, such as 'sc' of"):
        annotated(doc, {})
    for known in ({**doc, "ents": [span]}, {**doc, "spans": [span]}):
        assert annotated(known, {}).spans == [Span(0, 3, "PER")]
    assert not annotated({**doc, "spans": {}}, {}).spans


@given(st.text(st.sampled_from("aé€😀\ud83d\n\u0301")), st.data())
def test_offsets_of_other_units_are_those_of_characters(text: str, data: st.DataObject) -> None:
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    for counted, encoding, size in (
        (CountedIn.utf16, "utf-16-le", 2),
        (CountedIn.bytes, "utf-8", 1),
    ):
        # Each character alone, as the halves of a surrogate pair side by side would be one.
        widths = [len(one.encode(encoding, "surrogatepass")) // size for one in text]
        given_span = Span(sum(widths[:start]), sum(widths[:end]), "X")
        assert in_characters(text, [given_span], counted) == [Span(start, end, "X")]
