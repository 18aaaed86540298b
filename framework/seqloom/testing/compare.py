"""How conformance checks compare values, and what they report when values differ."""

from __future__ import annotations

import builtins
import copy
import json
import math
import pickle
import sys
import tempfile
import traceback
import unittest
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor

from seqloom.errors import shortened
from seqloom.interfaces import Arrays, Codec, Example
from seqloom.model import states

TOLERANCE = 1e-5

PLAIN_TOLERANCE = 1e-4
"""Absolute, between two numbers in plain data."""


class ConformanceError(AssertionError):
    """A component breaks a promise of its interface; the message says which, with numbers."""


class NotApplicable(unittest.SkipTest):
    """A check does not apply to a component; the message says why. Test runners skip it."""


def describe_error(error: BaseException) -> str:
    """Return a failed check's own message; for other errors the type, the text and the place."""
    if isinstance(error, (ConformanceError, NotApplicable)):
        return str(error)
    places = traceback.extract_tb(error.__traceback__)
    library = str(Path(torch.__file__).parent)
    own = [place for place in places if not place.filename.startswith(library)] or places
    where = f", at {own[-1].filename}:{own[-1].lineno}" if own else ""
    return f"raised {type(error).__name__}: {error}{where}"


def require(condition: bool, complaint: str) -> None:
    """Raise `ConformanceError` with the complaint unless the condition holds."""
    if not condition:
        raise ConformanceError(complaint)


def require_counts(codec: Codec, examples: Sequence[Example]) -> None:
    """Require a codec to learn the same from what it counts in two parts of the examples."""
    half = len(examples) // 2
    first, second = (
        pickle.loads(pickle.dumps(codec.count(part))) for part in (examples[:half], examples[half:])
    )
    if first is not None:
        first.update(second)
        found, expected = codec.fit_counted(first, examples), codec.fit(examples)
        require(
            stored(found) == stored(expected),
            "fit_counted() with what count() returns for two halves differs from fit()",
        )


def require_unchanged(codec: Codec, examples: Sequence[Example]) -> None:
    """Require ``encode`` not to change the fields of examples, which other codecs read too."""
    for example in examples:
        before = {
            name: copy.copy(value)
            for name, value in example.fields.items()
            if isinstance(value, np.ndarray) or _is_plain(value)
        }
        codec.encode(example)
        for name, value in before.items():
            now: Any = example.fields.get(name)
            same = np.array_equal(now, value)
            require(same, f"encode() changes the field {name!r} of its example; change a copy")


def require_stable_hashes(codec: Codec, examples: Sequence[Example]) -> None:
    """Require ``encode`` not to use ``hash`` of texts, which differs between processes."""

    def other(value: object) -> int:
        within = sys._getframe(1).f_code.co_name == "__hash__"  # for a dict, say: no value is seen
        stable = within or not isinstance(value, str | bytes | tuple)
        return hash_here(value if stable else ("another process", value))

    hash_here = builtins.hash
    for example in examples:
        expected = codec.encode(example)
        with patch("builtins.hash", other):
            found = codec.encode(example)
        require_same_arrays(found, expected, "in a process with other hashes of texts, ")


def _is_plain(value: Any) -> bool:
    """Return whether a field is a text or a list of texts, which can be compared."""
    return all(isinstance(one, str) for one in (value if isinstance(value, list) else [value]))


@contextmanager
def require_raises(
    errors: type[Exception] | tuple[type[Exception], ...], what: str
) -> Iterator[None]:
    """Require the block to raise one of the errors, with a message."""
    try:
        yield
    except errors as error:
        require(bool(str(error)), f"{what} is rejected without a message")
        return
    raise ConformanceError(f"{what} is not rejected; expected {errors}")


def require_equal(found: Tensor, expected: Tensor, what: str, tolerance: float = TOLERANCE) -> None:
    """Require two tensors to be equal up to a tolerance, relative to the larger values.

    NaN equals NaN: a metric of a class that does not occur may be NaN. Checks that promise finite
    values test that separately.
    """
    require(
        found.shape == expected.shape,
        f"{what}: shape {tuple(found.shape)}, expected {tuple(expected.shape)}",
    )
    found, expected = found.detach(), expected.detach()
    differ = (found != expected) & ~(found.isnan() & expected.isnan())
    if not differ.any():
        return
    gap = float((found - expected)[differ].abs().max())
    finite = expected[expected.isfinite()].abs()
    scale = max(1.0, float(finite.max())) if len(finite) else 1.0
    require(
        gap <= tolerance * scale, f"{what}: differ by {gap:.3g}, allowed {tolerance * scale:.3g}"
    )


def require_finite(values: Tensor, what: str) -> None:
    """Require all values to be finite."""
    wrong = int((~torch.isfinite(values)).sum())
    require(not wrong, f"{what} are not finite: {wrong} of {values.numel()}")


def require_same(found: Any, expected: Any, what: str, more: bool = False) -> None:
    """Require plain data to be equal, numbers up to a tolerance.

    Args:
        found: Dicts, lists and tuples of texts and numbers, nested to any depth.
        expected: Data of the same form.
        what: Name of the data, for the message.
        more: Whether dicts may have keys besides those expected.
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
        return both_nan or abs(found - expected) <= PLAIN_TOLERANCE
    return bool(found == expected)


def require_same_arrays(found: Arrays, expected: Arrays, where: str = "") -> None:
    """Require a codec to encode an example as before.

    Args:
        found: What ``encode`` returned.
        expected: What it returned before.
        where: Start of the message.
    """
    require(
        set(found) == set(expected),
        f"{where}encode() returns other arrays: {sorted(found)}, expected {sorted(expected)}",
    )
    for key, array in expected.items():
        require(
            np.array_equal(array, found[key]),
            f"{where}encode() returns another {key!r}: {shortened(str(found[key]))}, "
            f"expected {shortened(str(array))}",
        )


def stored(state: Mapping[str, Any]) -> Any:
    """Return a codec's state after it was written to a folder and read again."""
    with tempfile.TemporaryDirectory() as folder:
        text = json.dumps(states.write(state, Path(folder)), allow_nan=False)
        return states.read(json.loads(text), Path(folder))


def pickled(value: Any, what: str = "it") -> bytes:
    """Return a component as it is sent to another process.

    Raises:
        ConformanceError: It cannot be pickled.
    """
    try:
        return pickle.dumps(value)
    except Exception as error:  # pickling can raise anything
        raise ConformanceError(
            f"{what} cannot be pickled: {type(error).__name__}: {error}; "
            "lambdas, local classes and open files cannot"
        ) from error
