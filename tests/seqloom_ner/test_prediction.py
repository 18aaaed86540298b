from __future__ import annotations

from typing import Any

from seqloom.interfaces import Example
from seqloom_ner.codec import NerCodec

CODEC = NerCodec()
PREDICTION: dict[str, Any] = {
    "tags": ["O", "B-LOC", "I-LOC"],
    "entities": [{"type": "LOC", "start": 1, "end": 3, "confidence": 0.5}],
}


def test_describe_cuts_texts_where_offsets_are_known() -> None:
    fields = {"tokens": ["in", "New", "York"], "text": "in  New\tYork"}
    example = Example("1", fields, meta={"offsets": [(0, 2), (4, 7), (8, 12)]})
    described = CODEC.describe(example, PREDICTION)
    assert described["tokens"] == ["in", "New", "York"]
    (entity,) = described["entities"]
    assert (
        entity["text"] == "New\tYork" == fields["text"][entity["start_char"] : entity["end_char"]]
    )
    assert (entity["start_char"], entity["end_char"], entity["confidence"]) == (4, 12, 0.5)
    assert "text" not in PREDICTION["entities"][0]
    assert CODEC.describe(example, described) == described


def test_describe_joins_tokens_otherwise() -> None:
    described = CODEC.describe(Example("1", {"tokens": ["in", "New", "York"]}), PREDICTION)
    assert described["entities"] == [{**PREDICTION["entities"][0], "text": "New York"}]


def test_columns_leave_unknown_confidences_empty() -> None:
    entity = {"type": "LOC", "start": 1, "end": 3}
    example = Example("1", {"tokens": ["in", "New", "York"]})
    rows = CODEC.columns(example, {**PREDICTION, "entities": [entity]})
    assert rows == [["in", "O", ""], ["New", "B-LOC", ""], ["York", "I-LOC", ""]]
