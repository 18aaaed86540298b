"""The field of an example that a text frontend reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seqloom.errors import Cause, ExampleError, did_you_mean, kind_of
from seqloom.interfaces import Example

PAD = 0
UNK = 1
FIRST = 2
"""Id of the first known word or character; smaller are padding and unknown."""


def choose_field(example: Example, field: str | None, preferred: Sequence[str]) -> str:
    """Return ``field``; if it is None, the first preferred field that the example has.

    Raises:
        ExampleError: The example does not have it.
    """
    names = preferred if field is None else (field,)
    for name in names:
        if example.fields.get(name) is not None:
            return name
    raise ExampleError(
        example,
        f"nothing to read in {' or '.join(map(repr, names))}; set frontend.field to a "
        f"field with tokens or a text. {did_you_mean(names[0], example.fields)}",
        cause=Cause.no_field,
    )


def under(field: str | None, found: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the only value of ``found`` under the name of the field that is read, if one is set.

    >>> under("residues", {"tokens": ["M", "K"]})
    {'residues': ['M', 'K']}
    """
    return {field: next(iter(found.values()))} if field and found else found


def read_field(example: Example, name: str) -> str | list[str]:
    """Return the text, or the tokens, in the field.

    Raises:
        ExampleError: It holds something else, or nothing.
    """
    value = example.fields[name]
    if isinstance(value, str):
        return value
    if not isinstance(value, list | tuple):
        raise ExampleError(
            example,
            f"{name!r} holds {kind_of(value)}; expected a text or a list of tokens.",
        )
    for number, token in enumerate(value if set(map(type, value)) != {str} else (), 1):
        if not isinstance(token, str):
            raise ExampleError(
                example,
                f"token {number} of {name!r} is {token!r}, {kind_of(token)}; every "
                f"token must be a text.",
            )
    if not value:
        raise ExampleError(example, f"{name!r} has no token; leave out examples without tokens.")
    return list(value)
