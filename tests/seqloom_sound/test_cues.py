"""Cues: short lines, shown long enough to read, that overlap only where speech does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqloom_sound.cues import Cue, Word, cues_of, lines_of, spread, timed

TEXTS = st.lists(st.text("ab.xyz", min_size=1, max_size=60), min_size=1, max_size=30)
STEPS = st.lists(st.floats(0, 3), min_size=60, max_size=60)


@settings(max_examples=40, deadline=None)
@given(TEXTS, STEPS)
def test_cues_hold_every_word_in_order_within_their_limits(
    texts: list[str], steps: list[float]
) -> None:
    words, now = [], 0.0
    for place, text in enumerate(texts):
        start = now + steps[2 * place]
        now = start + steps[2 * place + 1]
        words.append(Word(text, start, now))
    cues = timed([*cues_of(words)])
    assert "".join("".join(cue.lines).replace(" ", "") for cue in cues) == "".join(texts)
    for cue, after in zip(cues, [*cues[1:], None], strict=True):
        assert 1 <= len(cue.lines) <= 2
        assert all(len(line) <= 42 for line in cue.lines)
        assert cue.start < cue.end <= cue.start + 7.01
        assert after is None or cue.end <= after.start
        alone = after is None or after.start >= cue.start + 1
        assert cue.end - cue.start > 0.998 or not alone


def test_lines_are_balanced() -> None:
    text = "the quick brown fox jumps over the lazy dog and runs away"
    assert lines_of(text.split()) == (
        "the quick brown fox jumps over",
        "the lazy dog and runs away",
    )
    assert lines_of(["short"]) == ("short",)
    assert lines_of(["x" * 42, "y" * 43]) == ()


def test_a_cue_ends_at_a_sentence_a_gap_and_after_seven_seconds() -> None:
    said = ["This", "is", "the", "first", "one.", "Second,", "which", "goes", "on"]
    words = [Word(text, place * 0.5, place * 0.5 + 0.5) for place, text in enumerate(said)]
    words += [Word("after", 10.0, 10.5), Word("late", 16.0, 18.0)]
    cues = [*cues_of(words)]
    assert [" ".join(cue.lines) for cue in cues] == [
        "This is the first one.",
        "Second, which goes on",
        "after",
        "late",
    ]
    assert (cues[0].start, cues[0].end, cues[2].start) == (0.0, 2.5, 10.0)


def test_short_cues_are_shown_longer_until_the_next_one() -> None:
    cues = timed([Cue(0.0, 0.2, ("a",)), Cue(0.7, 0.8, ("b",)), Cue(5.0, 5.1, ("c",))])
    assert [(cue.start, cue.end) for cue in cues] == [(0.0, 0.7), (0.7, 1.7), (5.0, 6.0)]


def test_cues_overlap_where_speech_does() -> None:
    """As of two channels; a little is what rounding makes."""
    cues = timed([Cue(0.0, 3.0, ("a",)), Cue(0.5, 2.0, ("b",)), Cue(2.9, 4.0, ("c",))])
    assert [(cue.start, cue.end) for cue in cues] == [(0.0, 3.0), (0.5, 2.0), (2.9, 4.0)]
    cues = timed([Cue(0.0, 3.0, ("a",)), Cue(2.9, 4.0, ("c",))])
    assert [(cue.start, cue.end) for cue in cues] == [(0.0, 2.9), (2.9, 4.0)]


def test_words_without_times_are_spread_by_their_lengths() -> None:
    words = spread("a bbb", 1.0, 4.0)
    assert words == [Word("a", 1.0, 2.0), Word("bbb", 2.0, 4.0)]
    assert spread("", 0.0, 1.0) == []


@pytest.mark.parametrize("length", [42, 43, 100])
def test_a_long_word_is_cut(length: int) -> None:
    cues = [*cues_of([Word("x" * length, 0.0, 4.0)])]
    assert "".join("".join(cue.lines) for cue in cues) == "x" * length
