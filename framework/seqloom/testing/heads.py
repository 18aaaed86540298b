"""What every head promises, as checks."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqloom.errors import ExampleError
from seqloom.interfaces import Arrays, Encoded, Example, Head, HeadCodec, SequenceBatch
from seqloom.testing.compare import (
    ConformanceError,
    gradients,
    refused,
    require,
    require_equal,
    require_equal_gradients,
    require_round_trip,
    stored,
)
from seqloom.testing.head_case import Candidates, HeadCase
from seqloom.testing.head_compare import confidences, require_finite, require_same
from seqloom.testing.head_markup import OPENING, inputs_with_markup, with_markup
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
from seqloom.testing.modules import require_gradients

__all__ = ["HEAD_CHECKS", "Candidates", "HeadCase"]


def check_loss(case: HeadCase) -> None:
    """Losses are (B,), finite, and each example's own: alone, padded and in any order."""
    codec = case.codec()
    head, rows = case.head(codec), case.rows
    losses = case.losses(head, codec)
    require(
        losses.shape == (len(rows),),
        f"losses are {tuple(losses.shape)}, not one an example: expected {(len(rows),)}",
    )
    require_finite(losses, "losses beside NaN in the padding")
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
    """Predictions are plain data with confidences in [0, 1], and each example's own.

    With ``scores=False`` they may leave out what there is of confidences, and say nothing else.
    """
    codec = case.codec()
    head, rows = case.head(codec), case.rows
    predictions = case.decoded(head, rows)
    require(
        len(predictions) == len(rows),
        f"decode() gives {len(predictions)} predictions for {len(rows)} examples",
    )
    try:
        json.dumps(predictions, allow_nan=False)
    except (TypeError, ValueError) as fault:
        raise ConformanceError(f"predictions are not plain data: {fault}") from fault
    for row in rows:
        require_same(case.decoded(head, [row])[0], predictions[row], f"example {row}, alone")
        for confidence in confidences(predictions[row]):
            require(0 <= confidence <= 1, f"a confidence of {confidence}; expected 0 to 1")
    require_same(case.decoded(head, rows[::-1])[::-1], predictions, "in another order")
    brief = case.decoded(head, rows, scores=False)
    require_same(predictions, brief, "decode() against decode(scores=False)", more=True)


def check_codec(case: HeadCase) -> None:
    """The codec's state is JSON, it pickles, and it encodes the same each time."""
    codec = case.codec()
    again = case.cls.make_codec(**case.params)
    again.restore(stored(codec.fit(case.examples)))
    for other in (codec, again, pickle.loads(pickle.dumps(codec))):
        for example in case.examples:
            _require_same_item(other.encode(example), codec.encode(example), example.id)
    with refused(ExampleError, "an example without a target"):
        codec.encode(Example("bad", {}))


def _require_same_item(found: Arrays, expected: Arrays, name: str) -> None:
    require(
        set(found) == set(expected),
        f"{name}: encode() gives other arrays, {sorted(found)}; expected {sorted(expected)}",
    )
    for key, array in expected.items():
        require(
            np.array_equal(array, found[key]),
            f"{name}: encode() gives another {key!r}, {found[key]}; expected {array}",
        )


def check_output(case: HeadCase) -> None:
    """Rows have the named columns, and HTML has every text escaped."""
    case = with_markup(case)
    codec = case.codec()
    head = case.head(codec)
    for row, example in enumerate(case.examples):
        hostile = inputs_with_markup(example)
        prediction = head.describe(hostile, case.decoded(head, [row])[0])
        lines = head.columns(hostile, prediction)
        if head.row_per_token:
            tokens = case.frames[row]
            require(len(lines) == tokens, f"{len(lines)} rows for {tokens} tokens")
        for cells in lines:
            names = head.column_names
            require(
                len(cells) == len(names), f"a row of {len(cells)} cells for {len(names)} columns"
            )
        before, found, _ = head.render(hostile, prediction).partition(OPENING)
        require(not found, f"render() does not escape texts: …{before[-40:]}{found}")


def check_gradients(case: HeadCase) -> None:
    """Every parameter gets a finite gradient, in training mode, that is not always zero.

    With weights moved a little, where need be, it is not zero throughout.
    """
    codec = case.codec()
    require_gradients(case.head(codec).train(), lambda head: case.losses(head, codec).sum())


def check_round_trip(case: HeadCase) -> None:
    """The weights survive a safetensors file.

    So does what ``calibrate`` fits; after it losses are still finite.
    """
    codec = case.codec()
    head = case.head(codec)
    said = head.calibrate(_passes(case, head, codec))
    require(
        all(math.isfinite(value) for value in said.values()),
        f"calibrate() gives {said}; expected finite numbers",
    )
    require_finite(case.losses(head, codec), "losses after calibrate()")
    torch.manual_seed(2)
    fresh = case.make(codec)
    require_round_trip(head, fresh, lambda one: _probed(case, one, codec))


@torch.no_grad()
def _passes(
    case: HeadCase, head: Head, codec: HeadCodec
) -> Iterator[tuple[Any, Encoded, SequenceBatch]]:
    """Yield what ``calibrate`` is given of two batches."""
    for rows in (case.rows[::2], case.rows[1::2]):
        encoded, batch = case.encoded(rows), case.batch(codec, rows)
        yield head(encoded), encoded, batch


def _probed(case: HeadCase, head: Head, codec: HeadCodec) -> Tensor:
    """Return losses, and confidences behind them."""
    found = [*confidences(case.decoded(head, case.rows))]
    return torch.cat([case.losses(head, codec), torch.tensor(found)])


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
