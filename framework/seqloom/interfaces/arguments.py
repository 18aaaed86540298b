"""Call plugins that were written before an interface gained an argument."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any


def accepted(function: Callable[..., Any], **optional: Any) -> dict[str, Any]:
    """Return those of the optional arguments that a plugin's function takes.

    An interface may gain optional keyword arguments in a minor release. Who calls a plugin passes
    them through here, so that a class that does not know them yet still works::

        head.decode(outputs, encoded, **accepted(head.decode, scores=False))

    Args:
        function: of the plugin; a method is looked at once for its class.
        optional: what would be passed.

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
