"""What the frontends read of an example, and how large they show it."""

from __future__ import annotations

import html
from typing import Any

from seqloom.errors import ExampleError, did_you_mean
from seqloom.interfaces import Example, View

WIDTH, HEIGHT = 900, 64
"""Pixels of a drawing in the report, at most."""


def require_field(example: Example, name: str, what: str) -> Any:
    """Return the value in the field that a frontend reads.

    Raises:
        ExampleError: The example does not have the field; ``what`` names what it should hold.
    """
    value = example.fields.get(name)
    if value is None:
        raise ExampleError(
            example,
            f"the field {name!r} has no {what}; set frontend.field to the field that holds it. "
            f"{did_you_mean(name, example.fields)}",
        )
    return value


def not_shown(error: Exception) -> View:
    """Return a sentence in place of a drawing."""
    return View(f"<div>{html.escape(f'The picture cannot be shown: {error}')}</div>", WIDTH)
