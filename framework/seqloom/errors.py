"""Every error that a user can cause.

::

    SeqloomError
    ├── ConfigError      a config that cannot be composed, or whose components are not compatible
    ├── PluginError      a plugin or component that is missing, broken or in conflict
    ├── DataError        a file that cannot be read as what it should be
    │   └── ExampleError one example that cannot be used; the only kind that may be skipped
    ├── BundleError      a stored model that is damaged, too new, or needs a missing component
    └── RunError         a run that cannot start or resume

The text says what came, what was expected and what to do. Programs print it without a traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Protocol

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
    """Base of every error that a user can cause and fix."""


class ConfigError(SeqloomError):
    """A config that cannot be composed, or whose components are not compatible."""


class PluginError(SeqloomError):
    """A plugin or component that is missing, broken or in conflict with another."""


class DataError(SeqloomError):
    """A file that cannot be read as what it should be."""


class HasOrigin(Protocol):
    """What an `ExampleError` reads of an example, which this module does not import."""

    @property
    def id(self) -> str:
        """Name of the example."""

    @property
    def origin(self) -> object | None:
        """Where the example was read, if known."""


class ExampleError(DataError):
    """One example that cannot be used; with ``on_bad=skip`` it is left out, counted and listed."""

    def __init__(self, example: HasOrigin, problem: str) -> None:
        self.example_id = example.id
        self.where = str(example.origin) if example.origin else f"example {example.id}"
        self.problem = problem
        super().__init__(f"{self.where}: {problem}")

    @classmethod
    def remedy(cls, errors: Sequence[ExampleError]) -> str:
        """Return a sentence that ends a list of such errors: what fixes all of them at once.

        Args:
            errors: Errors of exactly this class.
        """
        return ""


class BundleError(SeqloomError):
    """A stored model that is damaged, too new, or needs a component that is missing."""


class RunError(SeqloomError):
    """A run that cannot start or resume."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return what is known, with the nearest name first, as the end of an error message.

    >>> did_you_mean("bilstn", ["rnn", "lstm", "bilstm"])
    "Did you mean 'bilstm'? There are: bilstm, lstm, rnn."
    """
    options = sorted(known)
    listing = f"There are: {', '.join(options)}." if options else "There are none."
    near = difflib.get_close_matches(name, options, n=1)
    return f"Did you mean {near[0]!r}? {listing}" if near else listing


def printable(text: str) -> str:
    r"""Return a line without control characters, which the file of a stranger may contain.

    >>> print(printable("1.0\n\x1b[2J"))
    1.0\n\x1b[2J
    """
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
