"""Error rates and what stands beside them. Oracles: jiwer, counts by hand."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import jiwer
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqloom.interfaces import Table, Targets
from seqloom_ctc.codec import CtcCodec
from seqloom_ctc.confidence import calibration_error, correct_characters
from seqloom_ctc.metric import TextErrors
from seqloom_ctc.schema import Ctc

LETTERS = "aé\u0301ß漢\U0001d518 "
CHARACTERS = jiwer.Compose([jiwer.ReduceToListOfListOfChars()])
WORDS = jiwer.Compose(
    [jiwer.RemoveMultipleSpaces(), jiwer.Strip(), jiwer.ReduceToListOfListOfWords()]
)

Fit = Callable[..., CtcCodec]


@pytest.fixture(scope="module")
def codec() -> CtcCodec:
    made = CtcCodec(Ctc(ngram_order=0))
    made.restore({"alphabet": list(LETTERS), "ngram": None, "words": None})
    return made


def batch(codec: CtcCodec, texts: list[str]) -> Targets:
    """Targets of texts as they are, padded with a real class."""
    rows = [[codec.alphabet.index(c) + 1 for c in text] for text in texts]
    size = max(map(len, rows))
    padded = torch.tensor([row + [1] * (size - len(row)) for row in rows])
    lengths = torch.tensor([len(row) for row in rows])
    return Targets({"target": padded}, {"target": lengths}, list(map(str, range(len(texts)))))


def predicted(text: str, confidences: list[float] | None = None) -> dict[str, Any]:
    if confidences is None:
        return {"text": text}
    pairs = zip(text, confidences, strict=True)
    return {"text": text, "characters": [{"character": c, "confidence": p} for c, p in pairs]}


def values(metric: TextErrors) -> dict[str, float]:
    return {name: float(value) for name, value in metric.compute().items()}


truths = st.lists(st.sampled_from(LETTERS.strip()), min_size=1, max_size=4).map("".join)
lines = st.lists(truths, min_size=1, max_size=4).map(" ".join)  # normal: no space is double
reads = st.text(LETTERS, max_size=12)


@settings(max_examples=100, deadline=None)
@given(pairs=st.lists(st.tuples(lines, reads), min_size=1, max_size=6), cut=st.integers(1, 5))
def test_error_rates_of_a_corpus_are_those_of_jiwer(
    codec: CtcCodec, pairs: list[tuple[str, str]], cut: int
) -> None:
    truth, read = [one for one, _ in pairs], [other for _, other in pairs]
    whole, parts = TextErrors(codec), TextErrors(codec)
    whole.update([predicted(text) for text in read], batch(codec, truth))
    for piece in (pairs[:cut], pairs[cut:]):
        if piece:
            texts = batch(codec, [one for one, _ in piece])
            parts.update([predicted(other) for _, other in piece], texts)
    found = values(whole)
    assert values(parts) == found
    assert found["cer"] == pytest.approx(
        jiwer.cer(truth, read, reference_transform=CHARACTERS, hypothesis_transform=CHARACTERS)
    )
    assert found["wer"] == pytest.approx(
        jiwer.wer(truth, read, reference_transform=WORDS, hypothesis_transform=WORDS)
    )
    exact = sum(one == other for one, other in pairs)
    assert found["line_accuracy"] == pytest.approx(exact / len(pairs))
    assert "calibration_error" not in found


scored = st.text(LETTERS, min_size=1, max_size=6).flatmap(
    lambda text: st.tuples(
        lines,
        st.just(text),
        st.lists(st.floats(0, 1), min_size=len(text), max_size=len(text)),
    )
)


@settings(max_examples=60, deadline=None)
@given(st.lists(scored, min_size=1, max_size=5))
def test_the_calibration_error_is_that_of_all_characters(
    codec: CtcCodec, rows: list[tuple[str, str, list[float]]]
) -> None:
    metric = TextErrors(codec)
    confidences, right = [], []
    for truth, read, chances in rows:
        metric.update([predicted(read, chances)], batch(codec, [truth]))
        confidences += chances
        right += correct_characters(list(map(ord, read)), list(map(ord, truth)))
    expected = calibration_error(np.array(confidences), np.array(right))
    assert values(metric)["calibration_error"] == pytest.approx(expected)


def test_ranks_add_up_to_the_whole(codec: CtcCodec) -> None:
    """Each state is reduced as torchmetrics reduces it: stacked and summed, or concatenated."""
    shares = [("aß", "a", [0.7]), ("漢 a", "漢ßa", [0.9, 0.2, 0.4])], [("a", "éß", [0.1, 1.0])]
    whole, ranks = TextErrors(codec), [TextErrors(codec), TextErrors(codec), TextErrors(codec)]
    for rank, rows in zip(ranks, shares, strict=False):  # the last rank has nothing
        for truth, read, chances in rows:
            for metric in (whole, rank):
                metric.update([predicted(read, chances)], batch(codec, [truth]))
    merged = TextErrors(codec)
    for name, reduction in merged._reductions.items():
        states = [getattr(rank, name) for rank in ranks]
        if isinstance(states[0], list):
            states = [torch.cat(state) for state in states if state]
            setattr(merged, name, torch.cat(states))
        else:
            assert callable(reduction)
            setattr(merged, name, reduction(torch.stack(states)))
    merged._update_count = 1
    whole_tables, merged_tables = whole.details(), merged.details()
    assert values(merged) == pytest.approx(values(whole))
    assert merged_tables == whole_tables
    assert len(merged_tables) == 2


def test_confusions_are_counted_with_what_is_missing_and_what_is_too_much(codec: CtcCodec) -> None:
    metric = TextErrors(codec)
    metric.update(
        [predicted("ßé"), predicted("ßa"), predicted("a")], batch(codec, ["aé", "aa", "a "])
    )
    metric.update([predicted("漢a")], batch(codec, ["a"]))
    (table,) = metric.details()
    assert isinstance(table, Table)
    assert table.title == "Confusions of characters"
    assert table.columns == ("truth", "read", "count")
    assert table.rows == [("a", "ß", 2), ("∅", "漢", 1), ("␣", "∅", 1)]


def test_the_reliability_of_confidences_is_a_table(codec: CtcCodec) -> None:
    metric = TextErrors(codec)
    metric.update([predicted("aßa", [0.99, 0.03, 0.95])], batch(codec, ["a漢a"]))
    table = metric.details()[-1]
    assert isinstance(table, Table)
    assert table.columns == ("confidence", "characters", "mean confidence", "right")
    labels, counts, means, right = zip(*table.rows, strict=True)
    assert labels == ("0.00–0.07", "0.93–1.00")
    assert counts == (1, 2)
    assert means == pytest.approx((0.03, 0.97))
    assert right == pytest.approx((0.0, 1.0))


def test_only_the_most_frequent_confusions_are_shown(codec: CtcCodec) -> None:
    metric = TextErrors(codec)
    for read in range(0x4E00, 0x4E00 + 60):
        metric.update([predicted(chr(read))], batch(codec, ["a"]))
    metric.update([predicted("ß")], batch(codec, ["a"]))
    metric.update([predicted("ß")], batch(codec, ["a"]))
    (table,) = metric.details()
    assert isinstance(table, Table)
    assert len(table.rows) == 40
    assert table.rows[0] == ("a", "ß", 2)


def test_nothing_read_and_nothing_wrong(codec: CtcCodec) -> None:
    metric = TextErrors(codec)
    metric.update([{**predicted("", []), "confidence": 1.0}], batch(codec, ["aa a"]))
    assert values(metric) == {"cer": 1.0, "wer": 1.0, "line_accuracy": 0.0}
    metric.reset()
    metric.update([predicted("aa a")], batch(codec, ["aa a"]))
    assert values(metric) == {"cer": 0.0, "wer": 0.0, "line_accuracy": 1.0}
    assert metric.details() == []


def test_a_text_is_scored_in_its_normal_form(fit: Fit, batch_of: Any) -> None:
    codec = fit("e\u0301 ﬁ", form="NFKC")
    metric = TextErrors(codec)
    metric.update([predicted("é fi")], batch_of(codec, [" é  ﬁ"]))
    assert values(metric)["cer"] == 0.0
    assert not re.search("[\u0301ﬁ]", "".join(codec.alphabet))


def _measured() -> tuple[dict[str, float], list[Any]]:
    """Measure on one of two ranks, of which only the second has a mistake."""
    made = CtcCodec(Ctc(ngram_order=0))
    made.restore({"alphabet": list("abc"), "ngram": None, "words": None})
    metric = TextErrors(made)
    metric.update([predicted(("abc", "ab")[torch.distributed.get_rank()])], batch(made, ["abc"]))
    found = values(metric)
    metric.sync()
    (table,) = metric.details()
    assert isinstance(table, Table)
    return found, list(table.rows)


def test_two_ranks_of_which_one_has_no_mistake(on_ranks: Any) -> None:
    for found, rows in on_ranks(_measured, sizes=(2,))[2]:
        assert found["cer"] == pytest.approx(1 / 6)
        assert found["line_accuracy"] == 0.5
        assert rows == [("c", "∅", 1)]


def test_a_model_that_has_hardly_learned_to_read_gets_a_note(codec: CtcCodec) -> None:
    metric = TextErrors(codec)
    metric.update([predicted("aé"), predicted("a")], batch(codec, ["aé", "ßa"]))
    assert metric.notes() == []
    metric.update([predicted("")], batch(codec, ["aaaa"]))
    (note,) = metric.notes()
    assert note.startswith(
        "the character error rate is 0.62: the model has hardly learned to read."
    )
    # What was read may be sound, strokes or images.
    assert not [word for word in ("data.", "strokes", "pages", "upright", "lines") if word in note]
