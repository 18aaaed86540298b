"""Say in good time what will go: for one minor release at least, with what takes its place."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["SeqloomDeprecationWarning"]


class SeqloomDeprecationWarning(DeprecationWarning):
    """Something public that a plugin or a program uses will go.

    It is for whoever writes that code: pytest shows it, and Python does in a program's own script.
    Who only uses a plugin can do nothing about it, and is not shown it. What users write, configs
    and command lines, is warned of through the logger ``seqloom``, which they see.
    """


def deprecate(what: str, *, since: str, use: str, goes: str, stacklevel: int = 2) -> None:
    """Warn that something public will go.

    Args:
        what: is deprecated, as its user writes it.
        since: the version of seqloom that first said so.
        use: what takes its place.
        goes: the version of seqloom that will not have it.
        stacklevel: how many calls up its user is; 2 if that is who called the caller.
    """
    text = f"{what} is deprecated since seqloom {since} and goes with {goes}; use {use}."
    warnings.warn(text, SeqloomDeprecationWarning, stacklevel=stacklevel + 1)


def renamed_names(
    module: str, names: Mapping[str, str], *, since: str, goes: str
) -> Callable[[str], Any]:
    """Return a ``__getattr__`` for a module some of whose public names have new ones.

    ::

        __getattr__ = renamed_names(__name__, {"Old": "New"}, since="0.2", goes="0.3")

    Args:
        module: whose names they are.
        names: the new name by the old one.
        since: the version of seqloom that renamed them.
        goes: the version of seqloom that will not have the old ones.
    """

    def __getattr__(name: str) -> Any:  # noqa: N807  (it is to be one)
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        use = f"{module}.{names[name]}"
        deprecate(f"{module}.{name}", since=since, use=use, goes=goes)
        return getattr(import_module(module), names[name])

    return __getattr__
