"""What every head promises, as checks."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from seqloom.errors import ExampleError
from seqloom.interfaces import Example
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
from seqloom.testing.head_case import Candidates, HeadCase
from seqloom.testing.head_metrics import check_metrics, check_metrics_on_ranks
from seqloom.testing.head_search import check_likelihood, check_search
from seqloom.testing.head_training import (
    check_bfloat16,
    check_determinism,
    check_device,
    check_learning,
    check_ranks,
    check_state_dict,
)

__all__ = ["HEAD_CHECKS", "Candidates", "HeadCase"]


def check_loss(case: HeadCase) -> None:
    """Losses are (B,), finite, and each example's own: alone, padded and in any order."""
    codec = case.codec()
    head, rows = case.head(codec), case.rows
    losses = case.losses(head, codec)
    require(losses.shape == (len(rows),), f"losses are {tuple(losses.shape)}, not one an example")
    require(bool(torch.isfinite(losses).all()), "losses are not finite beside NaN in the padding")
    losses.sum().backward()
    together = gradients(head)
    for row in rows:
        alone = case.losses(head, codec, [row])
        require_equal(alone[0], losses[row], f"loss of example {row}, alone")
        alone.sum().backward()
    require_equal_gradients(gradients(head), together, head, "alone against padded")
    moved = case.losses(head, codec, rows[::-1])
    require_equal(moved.flip(0), losses, "losses in another order")


def check_decode(case: HeadCase) -> None:
    """Predictions are plain data with confidences in [0, 1], and each example's own."""
    codec = case.codec()
    head, rows = case.head(codec), case.rows
    predictions = case.decoded(head, rows)
    require(len(predictions) == len(rows), "decode() does not give one prediction an example")
    try:
        json.dumps(predictions, allow_nan=False)
    except (TypeError, ValueError) as fault:
        raise ConformanceError(f"predictions are not plain data: {fault}") from fault
    for row in rows:
        _require_same(case.decoded(head, [row])[0], predictions[row], f"example {row}, alone")
        for confidence in _confidences(predictions[row]):
            require(0 <= confidence <= 1, f"a confidence of {confidence}")
    for found, expected in zip(case.decoded(head, rows[::-1])[::-1], predictions, strict=True):
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
        prediction = head.describe(hostile, case.decoded(head, [row])[0])
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
    case.losses(head, codec).sum().backward()
    require_finite_gradients(head)


def check_round_trip(case: HeadCase) -> None:
    """The weights survive a safetensors file."""
    codec = case.codec()
    head = case.head(codec)
    torch.manual_seed(2)
    fresh = case.make(codec)
    require_round_trip(head, fresh, lambda one: case.losses(one, codec))


HEAD_CHECKS: tuple[Callable[[HeadCase], None], ...] = (
    check_loss,
    check_decode,
    check_search,
    check_likelihood,
    check_metrics,
    check_metrics_on_ranks,
    check_codec,
    check_output,
    check_gradients,
    check_round_trip,
    check_state_dict,
    check_determinism,
    check_device,
    check_bfloat16,
    check_ranks,
    check_learning,
)
