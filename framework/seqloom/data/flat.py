"""The parts of an encoded example that files can hold: its arrays by one name, and plain values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from seqloom.data.collate import EncodedExample
from seqloom.interfaces import Arrays

GIVEN = "given/"
"""Start of the names of arrays that heads may know when they predict."""

PLAIN = frozenset((str, int, bool, type(None)))
"""Types of single values that JSON gives back as they were, beside finite numbers."""


def flat(encoded: EncodedExample) -> Arrays:
    """Return all arrays of an example by one name: ``words``, ``ner/tags``, ``given/ner/tags``."""
    found = dict(encoded.inputs)
    for prefix, heads in (("", encoded.targets), (GIVEN, encoded.given)):
        for head, arrays in heads.items():
            for name, array in arrays.items():
                found[f"{prefix}{head}/{name}"] = array
    return found


def with_arrays(
    arrays: Arrays, heads: Sequence[str], given: Sequence[str]
) -> tuple[Arrays, dict[str, Arrays], dict[str, Arrays]]:
    """Return the inputs, targets and given arrays of what `flat` returned.

    Args:
        arrays: All arrays of an example.
        heads: Names of the heads with targets.
        given: Names of the heads that know something when they predict.
    """
    inputs: Arrays = {}
    targets: dict[str, Arrays] = {head: {} for head in heads}
    known: dict[str, Arrays] = {head: {} for head in given}
    for name, array in arrays.items():
        head, _, own = name.removeprefix(GIVEN).partition("/")
        found = known if name.startswith(GIVEN) and head in known else targets
        if own and head in found:
            found[head][own] = array
        else:
            inputs[name] = array
    return inputs, targets, known


def plain(encoded: EncodedExample) -> tuple[dict[str, Any], dict[str, Any], bool]:
    """Return the fields and meta of an example that are plain types, and whether all are."""
    example = encoded.example
    fields = {name: value for name, value in example.fields.items() if is_plain(value)}
    meta = {name: value for name, value in example.meta.items() if is_plain(value)}
    complete = len(fields) == len(example.fields) and len(meta) == len(example.meta)
    return fields, meta, encoded.whole and complete


def is_plain(value: Any) -> bool:
    """Return whether JSON gives a value back as it was."""
    if isinstance(value, list):
        return PLAIN.issuperset(map(type, value)) or all(map(is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_plain(one) for key, one in value.items())
    if isinstance(value, float):
        return math.isfinite(value)
    return type(value) in PLAIN


def is_large(value: Any) -> bool:
    """Return whether a value is an array, an image or the like."""
    return hasattr(value, "tobytes") or hasattr(value, "__array__")
