"""Every error that a user can cause.

::

    SeqloomError
    ├── ConfigError      a config that cannot be composed, or whose parts do not fit
    ├── PluginError      a plugin or component that is missing, broken or in conflict
    ├── DataError        a file that cannot be read as what it should be
    │   └── ExampleError one example that cannot be used; the only kind that may be skipped
    ├── BundleError      a stored model that is damaged, too new, or lacks a part
    └── RunError         a run that cannot start or go on

The text says what came, what was expected and what to do. Programs print it without a traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqloom.interfaces.example import Example

__all__ = [
    "BundleError",
    "ConfigError",
    "DataError",
    "ExampleError",
    "PluginError",
    "RunError",
    "SeqloomError",
    "did_you_mean",
]


class SeqloomError(Exception):
    """Base of every error that a user can cause and mend."""


class ConfigError(SeqloomError):
    """A config that cannot be composed, or whose parts do not fit together."""


class PluginError(SeqloomError):
    """A plugin or component that is missing, broken or in conflict with another."""


class DataError(SeqloomError):
    """A file that cannot be read as what it should be."""


class ExampleError(DataError):
    """One example that cannot be used; with ``on_bad=skip`` it is left out, counted and listed."""

    def __init__(self, example: Example, problem: str) -> None:
        self.example_id = example.id
        self.where = str(example.origin) if example.origin else f"example {example.id}"
        self.problem = problem
        super().__init__(f"{self.where}: {problem}")

    @classmethod
    def remedy(cls, faults: Sequence[ExampleError]) -> str:
        """Return a sentence that ends a list of such faults: what mends all of them at once.

        Args:
            faults: all of this very class.
        """
        return ""


class BundleError(SeqloomError):
    """A stored model that is damaged, too new, or needs a part that is absent."""


class RunError(SeqloomError):
    """A run that cannot start or go on."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return what is known, with the nearest name first, as the end of an error message.

    >>> did_you_mean("bilstn", ["rnn", "lstm", "bilstm"])
    "Did you mean 'bilstm'? There are: bilstm, lstm, rnn."
    """
    options = sorted(known)
    listing = f"There are: {', '.join(options)}." if options else "There are none."
    near = difflib.get_close_matches(name, options, n=1)
    return f"Did you mean {near[0]!r}? {listing}" if near else listing
