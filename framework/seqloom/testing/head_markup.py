"""Examples with markup in their texts, to see whether a head escapes them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from seqloom.errors import ExampleError
from seqloom.interfaces import Example, Origin
from seqloom.testing.head_case import HeadCase
from seqloom.testing.head_search import takes

OPENING = "<script>"
MARKUP = f"{OPENING}alert(1)</script>"

INPUTS = ("text", "tokens")


def with_markup(case: HeadCase) -> HeadCase:
    """Return the case with markup in each field but the inputs that its codec then still takes.

    So there is markup in the classes too, and in what is predicted: a label is ``left<script>…``.
    """
    for name in case.examples[0].fields:
        if name not in INPUTS:
            marked = replace(case, examples=[_marked(one, name) for one in case.examples])
            case = marked if _taken(marked) else case
    return case


def inputs_with_markup(example: Example) -> Example:
    """Return the example with markup in its inputs, its id, and what else it says of itself.

    A text may be what a head predicts; so its codec is not to see this.
    """
    for name in INPUTS:
        example = _marked(example, name)
    return replace(
        example,
        id=example.id + MARKUP,
        origin=Origin(MARKUP),
        meta={**example.meta, "note": MARKUP},
    )


def _marked(example: Example, name: str) -> Example:
    if name not in example.fields:
        return example
    return replace(example, fields={**example.fields, name: _value(example.fields[name])})


def _value(value: Any) -> Any:
    if isinstance(value, str):
        # The letter O says that a token is outside, whatever the classes are.
        return value if value == "O" else value + MARKUP
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return [_value(one) for one in value]
    return value


def _taken(case: HeadCase) -> bool:
    try:
        codec = case.codec()
    except ExampleError:
        return False
    return all(takes(codec, *pair) for pair in zip(case.examples, case.frames, strict=True))
