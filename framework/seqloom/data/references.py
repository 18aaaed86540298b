"""Several references for one input: examples that differ only in their references become one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from seqloom.interfaces import Example


def with_all_references(
    examples: Sequence[Example], field: str, others: Sequence[str]
) -> list[Example]:
    """Return the examples, those with the same input united.

    The first of them stays, with its id and origin. Its references are those of all, each once, in
    the order of the examples. Examples whose other fields are not plain types stay apart.

    Args:
        examples: Examples of a split.
        field: Field of kind ``texts``, a list of texts.
        others: Names of the other fields.
    """
    found: dict[str, Example] = {}
    for example in examples:
        key = _key(example, others)
        first = found.setdefault(key, example)
        if first is not example:
            texts = dict.fromkeys([*first.fields[field], *example.fields[field]])
            found[key] = replace(first, fields={**first.fields, field: list(texts)})
    return list(found.values())


def _key(example: Example, others: Sequence[str]) -> str:
    """Return a text that is equal for examples whose other fields are equal."""
    values = [example.fields.get(name) for name in others]
    try:
        return json.dumps(values, sort_keys=True)
    except (TypeError, ValueError):
        return json.dumps(example.id)
