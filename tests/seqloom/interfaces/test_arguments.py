"""A plugin that does not know a newer argument is called without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import seqloom
from seqloom.interfaces import Encoded, Prediction
from seqloom.interfaces.arguments import _keywords, accepted
from seqloom.model.build import build_reader
from seqloom.train.evaluator import Evaluator


def test_only_what_a_function_takes_is_passed() -> None:
    def old(outputs: Any) -> None: ...
    def new(outputs: Any, *, scores: bool = True) -> None: ...
    def placed(outputs: Any, scores: bool = True, /) -> None: ...
    def any_at_all(outputs: Any, **more: Any) -> None: ...

    given = {"scores": False, "beams": 3}
    assert accepted(old, **given) == accepted(placed, **given) == {}
    assert accepted(new, **given) == {"scores": False}
    assert accepted(any_at_all, **given) == given


def test_a_method_is_looked_at_once() -> None:
    class Head:
        def decode(self, scores: bool = True) -> None: ...

    _keywords.cache_clear()
    for _ in range(3):
        head = Head()
        assert accepted(head.decode, scores=True) == {"scores": True}
    assert _keywords.cache_info().misses == 1


@pytest.mark.parametrize("scores", [True, False])
def test_a_head_of_before_decode_had_scores(trained_ner: Path, scores: bool) -> None:
    """The promise in `seqloom.public`, with the arguments that the core passes."""
    pipeline = seqloom.load(trained_ner)
    newer = type(pipeline.head)

    class Older(newer):  # type: ignore[misc, valid-type]
        def decode(self, outputs: Any, encoded: Encoded) -> list[Prediction]:  # type: ignore[override]
            found: list[Prediction] = newer.decode(self, outputs, encoded)
            return found

    def measured() -> dict[str, float]:
        evaluator = Evaluator(pipeline)
        prepared = [pipeline.codecs.frontend.prepare(one) for one in examples]
        batch = pipeline.collate([pipeline.codecs.encode(one) for one in prepared])
        encoded, outputs = pipeline.outputs(batch)
        evaluator.add(outputs, encoded, batch, scores=scores)
        return evaluator.compute()

    reader = build_reader({"name": "apples", "train_size": 60, "val_size": 4, "test_size": 4})
    examples = list(reader.examples("test"))
    before = measured()
    pipeline.head.__class__ = Older
    assert measured() == before
