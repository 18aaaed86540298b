"""What every head promises, as checks."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqloom.data.collate import Collate, Row
from seqloom.errors import ExampleError
from seqloom.interfaces import (
    Encoded,
    Example,
    Features,
    Head,
    HeadCodec,
    Prediction,
    SequenceBatch,
)
from seqloom.testing.compare import (
    ConformanceError,
    gradients,
    refused,
    require,
    require_equal,
    require_equal_gradients,
    require_finite_gradients,
    require_round_trip,
    stored,
)
from seqloom.testing.samples import features

SIZE = 6


@dataclass(frozen=True)
class HeadCase:
    """A head class with parameters, labelled examples, and each example's number of states."""

    cls: type[Head]
    examples: Sequence[Example]
    frames: Sequence[int]
    params: dict[str, Any] = field(default_factory=dict)

    def codec(self) -> HeadCodec:
        """Return a fitted codec."""
        codec = self.cls.make_codec(**self.params)
        codec.restore(codec.fit(self.examples))
        return codec

    def head(self, codec: HeadCodec) -> Head:
        """Return a new head in eval mode, the same each time."""
        torch.manual_seed(1)
        return self.make(codec).eval()

    def make(self, codec: HeadCodec) -> Head:
        """Return a new head, built as pipelines build it."""
        sizes = {"features_size": SIZE} if self.cls.reads_features else {}
        return self.cls(codec, SIZE, **sizes, **self.params)

    def batch(self, codec: HeadCodec, rows: Sequence[int]) -> SequenceBatch:
        """Return the targets of some examples."""
        chosen = [self.examples[row] for row in rows]
        return Collate(codec.padding)([Row(one, codec.encode(one)) for one in chosen])

    def encoded(self, rows: Sequence[int]) -> Encoded:
        """Return states of some examples, NaN in the padding, whatever their neighbours."""
        whole = features(SIZE, list(self.frames))
        lengths = whole.lengths[list(rows)]
        states = whole.values[list(rows), : int(lengths.max())].clone()
        summary = torch.stack([state[0] for state in states])
        return Encoded(states, summary, lengths, Features(states, lengths))


def _all(case: HeadCase) -> list[int]:
    return list(range(len(case.examples)))


def _losses(head: Head, case: HeadCase, codec: HeadCodec, rows: Sequence[int]) -> Tensor:
    batch = case.batch(codec, rows)
    return head.loss(head(case.encoded(rows), batch), batch)


def _decoded(head: Head, case: HeadCase, rows: Sequence[int]) -> list[Prediction]:
    encoded = case.encoded(rows)
    with torch.no_grad():
        return head.decode(head(encoded), encoded)


def check_loss(case: HeadCase) -> None:
    """Losses are (B,), finite, and each example's own: alone, padded and in any order."""
    codec = case.codec()
    head, rows = case.head(codec), _all(case)
    losses = _losses(head, case, codec, rows)
    require(losses.shape == (len(rows),), f"losses are {tuple(losses.shape)}, not one an example")
    require(bool(torch.isfinite(losses).all()), "losses are not finite beside NaN in the padding")
    losses.sum().backward()
    together = gradients(head)
    for row in rows:
        alone = _losses(head, case, codec, [row])
        require_equal(alone[0], losses[row], f"loss of example {row}, alone")
        alone.sum().backward()
    require_equal_gradients(gradients(head), together, head, "alone against padded")
    moved = _losses(head, case, codec, rows[::-1])
    require_equal(moved.flip(0), losses, "losses in another order")


def check_decode(case: HeadCase) -> None:
    """Predictions are plain data with confidences in [0, 1], and each example's own."""
    codec = case.codec()
    head, rows = case.head(codec), _all(case)
    predictions = _decoded(head, case, rows)
    require(len(predictions) == len(rows), "decode() does not give one prediction an example")
    try:
        json.dumps(predictions, allow_nan=False)
    except (TypeError, ValueError) as fault:
        raise ConformanceError(f"predictions are not plain data: {fault}") from fault
    for row in rows:
        _require_same(_decoded(head, case, [row])[0], predictions[row], f"example {row}, alone")
        for confidence in _confidences(predictions[row]):
            require(0 <= confidence <= 1, f"a confidence of {confidence}")
    for found, expected in zip(_decoded(head, case, rows[::-1])[::-1], predictions, strict=True):
        _require_same(found, expected, "in another order")


def _require_same(found: Any, expected: Any, what: str) -> None:
    if isinstance(expected, dict):
        require(set(found) == set(expected), f"{what}: other keys")
        for key, value in expected.items():
            _require_same(found[key], value, f"{what}: {key}")
    elif isinstance(expected, list):
        require(len(found) == len(expected), f"{what}: another length")
        for number, value in enumerate(expected):
            _require_same(found[number], value, f"{what}: {number}")
    elif isinstance(expected, float):
        require(abs(found - expected) <= 1e-4, f"{what}: {found} against {expected}")
    else:
        require(found == expected, f"{what}: {found!r} against {expected!r}")


def _confidences(value: Any, key: str = "") -> Iterator[float]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _confidences(one, name)
    elif isinstance(value, list):
        for one in value:
            yield from _confidences(one, key)
    elif key == "confidence":
        yield value


def check_metrics(case: HeadCase) -> None:
    """Metrics are the same whatever the batches, and ``watch`` is among them."""
    codec = case.codec()
    head, rows = case.head(codec), _all(case)
    whole, pieces = head.metrics(), head.metrics()
    whole.update(_decoded(head, case, rows), case.batch(codec, rows))
    for row in rows[::-1]:
        pieces.update(_decoded(head, case, [row]), case.batch(codec, [row]))
    values, others = whole.compute(), pieces.compute()
    require(head.watch in values, f"watch is {head.watch!r}; compute() gives {sorted(values)}")
    for name, value in values.items():
        require_equal(
            torch.as_tensor(others[name]), torch.as_tensor(value), f"{name}, example by example"
        )
    require(isinstance(whole.details(), list), "details() is not a list")


def check_codec(case: HeadCase) -> None:
    """The codec's state is JSON, it pickles, and it encodes the same each time."""
    codec = case.codec()
    again = case.cls.make_codec(**case.params)
    again.restore(stored(codec.fit(case.examples)))
    for other in (codec, again, pickle.loads(pickle.dumps(codec))):
        for example in case.examples:
            first, second = codec.encode(example), other.encode(example)
            require(set(first) == set(second), "encode() gives other arrays")
            for name, array in first.items():
                require(np.array_equal(array, second[name]), f"encode() gives another {name!r}")
    with refused(ExampleError, "an example without a target"):
        codec.encode(Example("bad", {}))


def check_output(case: HeadCase) -> None:
    """Rows have the named columns, and HTML has every text escaped."""
    codec = case.codec()
    head = case.head(codec)
    for row, example in enumerate(case.examples):
        hostile = Example(example.id, _hostile(example.fields))
        prediction = head.describe(hostile, _decoded(head, case, [row])[0])
        lines = head.columns(hostile, prediction)
        if head.row_per_token:
            tokens = case.frames[row]
            require(len(lines) == tokens, f"{len(lines)} rows for {tokens} tokens")
        for cells in lines:
            require(len(cells) == len(head.column_names), f"a row of {len(cells)} cells")
        html = head.render(hostile, prediction)
        require("<script>" not in html, "render() does not escape texts")


def _hostile(value: dict[str, Any]) -> dict[str, Any]:
    """Return inputs with markup in them; targets stay, since they must be known."""
    bad = "<script>alert(1)</script>"
    found = dict(value)
    if "text" in found:
        found["text"] = f"{bad} {found['text']}"
    if "tokens" in found:
        found["tokens"] = [bad, *found["tokens"][1:]]
    return found


def check_gradients(case: HeadCase) -> None:
    """Every parameter gets a finite gradient, in training mode."""
    codec = case.codec()
    head = case.head(codec).train()
    _losses(head, case, codec, _all(case)).sum().backward()
    require_finite_gradients(head)


def check_round_trip(case: HeadCase) -> None:
    """The weights survive a safetensors file."""
    codec = case.codec()
    head = case.head(codec)
    torch.manual_seed(2)
    fresh = case.make(codec)
    require_round_trip(head, fresh, lambda one: _losses(one, case, codec, _all(case)))


HEAD_CHECKS: tuple[Callable[[HeadCase], None], ...] = (
    check_loss,
    check_decode,
    check_metrics,
    check_codec,
    check_output,
    check_gradients,
    check_round_trip,
)
