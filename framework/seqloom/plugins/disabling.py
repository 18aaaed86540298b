"""Which plugins are not to be loaded: those of the environment, and those of this run."""

from __future__ import annotations

import os
from collections.abc import Iterable

DISABLE_VARIABLE = "SEQLOOM_DISABLE_PLUGINS"
DISABLE_KEY = "disable_plugins"

_of_this_run: tuple[str, ...] = ()


def disabled() -> dict[str, str]:
    """Return the names of disabled plugins or distributions, each with who disabled it."""
    named = dict.fromkeys(_of_this_run, f"named in {DISABLE_KEY}")
    return {**named, **dict.fromkeys(in_environment(), f"named in {DISABLE_VARIABLE}")}


def in_environment() -> list[str]:
    """Return the names that the environment disables."""
    names = (name.strip() for name in os.environ.get(DISABLE_VARIABLE, "").split(","))
    return [name for name in names if name]


def of_this_run() -> tuple[str, ...]:
    """Return the names that the present run disables besides those of the environment."""
    return _of_this_run


def set_for_this_run(names: Iterable[str]) -> bool:
    """Set what the present run disables besides; return whether that is a change."""
    global _of_this_run  # discovery is of the whole process, and so is what it leaves out
    before, _of_this_run = _of_this_run, tuple(dict.fromkeys(names))
    return before != _of_this_run
