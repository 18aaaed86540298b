"""How checks of heads compare plain data: predictions, and what the report shows of metrics."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from seqloom.testing.compare import require

TOLERANCE = 1e-4


def require_same(found: Any, expected: Any, what: str, more: bool = False) -> None:
    """Require plain data to be equal, numbers up to a tolerance.

    Args:
        found: dicts, lists and tuples of texts and numbers, and so on within these.
        expected: the like.
        what: is compared, for the complaint.
        more: whether dicts may have other keys besides those expected.
    """
    if isinstance(expected, dict) and isinstance(found, dict):
        common = {key: found[key] for key in expected if key in found} if more else found
        require(
            set(common) == set(expected),
            f"{what}: the keys {sorted(found)}, expected {sorted(expected)}",
        )
        for key, value in expected.items():
            require_same(found[key], value, f"{what}: {key}", more)
    elif isinstance(expected, list | tuple) and isinstance(found, list | tuple):
        require(
            len(found) == len(expected), f"{what}: {len(found)} values, expected {len(expected)}"
        )
        for number, value in enumerate(expected):
            require_same(found[number], value, f"{what}: {number}", more)
    else:
        require(_equal(found, expected), f"{what}: {found!r} against {expected!r}")


def _equal(found: Any, expected: Any) -> bool:
    if isinstance(found, float) and isinstance(expected, float):
        both_nan = math.isnan(found) and math.isnan(expected)
        return both_nan or abs(found - expected) <= TOLERANCE
    return bool(found == expected)


def require_finite(values: Tensor, what: str) -> None:
    """Require all values to be finite."""
    wrong = int((~torch.isfinite(values)).sum())
    require(not wrong, f"{what} are not finite: {wrong} of {values.numel()}")


def confidences(value: Any, key: str = "") -> Iterator[float]:
    """Yield all confidences in a prediction, however deep."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from confidences(one, name)
    elif isinstance(value, list):
        for one in value:
            yield from confidences(one, key)
    elif key == "confidence":
        yield value
