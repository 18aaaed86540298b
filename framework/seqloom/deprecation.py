"""Warnings about public names that a later release will remove, with their replacements."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["SeqloomDeprecationWarning"]


class SeqloomDeprecationWarning(DeprecationWarning):
    """A public name that a plugin or a program uses will be removed.

    It is meant for the authors of that code: pytest shows it, and so does Python in a program's
    main script. Users of a plugin do not see it. Deprecated configs and command lines are reported
    through the logger ``seqloom``, which users see.
    """


def deprecate(what: str, *, since: str, use: str, removed_in: str, stacklevel: int = 2) -> None:
    """Warn that a public name will be removed.

    Args:
        what: Deprecated name, as written in code.
        since: Version of seqloom that deprecated it.
        use: Replacement.
        removed_in: Version of seqloom that removes it.
        stacklevel: Number of calls up to the code that uses it; 2 for the caller's caller.
    """
    text = (
        f"{what} is deprecated since seqloom {since} and will be removed in {removed_in}; "
        f"use {use}."
    )
    warnings.warn(text, SeqloomDeprecationWarning, stacklevel=stacklevel + 1)


def renamed_names(
    module: str, names: Mapping[str, str], *, since: str, removed_in: str
) -> Callable[[str], Any]:
    """Return a ``__getattr__`` for a module that renamed some of its public names.

    ::

        __getattr__ = renamed_names(__name__, {"Old": "New"}, since="0.2", removed_in="0.3")

    Args:
        module: Name of the module.
        names: New names by old names.
        since: Version of seqloom that renamed them.
        removed_in: Version of seqloom that removes the old names.
    """

    def __getattr__(name: str) -> Any:  # noqa: N807  (the module's hook)
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        use = f"{module}.{names[name]}"
        deprecate(f"{module}.{name}", since=since, use=use, removed_in=removed_in)
        return getattr(import_module(module), names[name])

    return __getattr__
