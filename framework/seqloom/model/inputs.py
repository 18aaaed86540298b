"""Detect inputs of a pipeline that are probably meant differently from how they are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from seqloom.errors import DataError, kind_of
from seqloom.interfaces import Example

SHOWN = 3
"""Number of values that are shown in a message."""


def refuse_single(inputs: object) -> None:
    """Refuse one input, or what cannot be iterated over, where several inputs are due.

    Raises:
        DataError: It is a text, a dict, an `Example`, or not iterable.
    """
    if isinstance(inputs, str | bytes | Mapping | Example) or not isinstance(inputs, Iterable):
        raise DataError(
            f"predict() takes several inputs, not one {type(inputs).__name__}: pass a list of "
            "them, or call the pipeline itself with one input: pipeline(input)."
        )


def refuse_columns(fields: Mapping[str, Any], kinds: Mapping[str, str]) -> None:
    """Refuse a dict of columns, as data frames and data sets have them, where one input is due.

    Args:
        fields: Values by field.
        kinds: Kinds of fields that are not called by their kind.

    Raises:
        DataError: A field of a text holds several values, or one of tokens several lists.
    """
    for name, value in fields.items():
        kind = kinds.get(name, name)
        several = isinstance(value, Iterable) and not isinstance(value, str)
        if kind == "text" and several:
            found, one = kind_of(value), "one text"
        elif kind == "tokens" and several and _holds_lists(value):
            found, one = "lists", "the tokens of one input"
        else:
            continue
        raise DataError(
            f"The field {name!r} holds {found}; expected {one}, as a dict is one input. For "
            f"several inputs pass a list: pipeline(batch[{name!r}]) or [{{{name!r}: …}}, …]."
        )


def _holds_lists(value: Any) -> bool:
    return isinstance(value, list | tuple) and not {list, tuple}.isdisjoint(map(type, value))


def are_words(examples: Iterable[Example]) -> bool:
    """Return whether there are several prepared examples, and each has a single token."""
    counts = [len(tokens) for tokens in (one.fields.get("tokens", ()) for one in examples)]
    return len(counts) > 1 and set(counts) == {1}


def words_hint(values: Sequence[Any]) -> str:
    """Return the warning for a list of texts of one word each."""
    start = ", ".join(map(repr, values[:SHOWN])) + (", …" if len(values) > 3 else "")
    return (
        f"{len(values)} inputs, each a text of one word. If they are the tokens of one input, pass "
        f"them as a list in the list: pipeline([[{start}]])."
    )
