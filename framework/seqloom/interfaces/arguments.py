"""Call plugins that were written before an interface got a new argument."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any


def accepted(function: Callable[..., Any], **optional: Any) -> dict[str, Any]:
    """Return the optional arguments that a plugin's function accepts.

    An interface may get new optional keyword arguments in a minor release. They are filtered by
    this function, so that a class that does not know them yet still works::

        head.decode(outputs, encoded, **accepted(head.decode, scores=False))

    Args:
        function: Function of the plugin; methods are inspected once per class.
        optional: Optional keyword arguments.

    >>> accepted(lambda outputs: outputs, scores=False), accepted(sorted, reverse=True)
    ({}, {'reverse': True})
    """
    known = _keywords(getattr(function, "__func__", function))
    return optional if known is None else {k: one for k, one in optional.items() if k in known}


@functools.lru_cache(maxsize=256)
def _keywords(function: Callable[..., Any]) -> frozenset[str] | None:
    """Return the names that can be passed as keywords; None if any can."""
    parameters = inspect.signature(function).parameters.values()
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return None
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return frozenset(one.name for one in parameters if one.kind in named)
