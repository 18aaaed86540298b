"""Every error that a user can cause.

::

    SeqloomError
    ├── ConfigError      a config that cannot be composed, or whose components are not compatible
    ├── PluginError      a plugin or component that is missing, broken or in conflict
    ├── DataError        a file that cannot be read in the expected format
    │   ├── ExampleError one example that cannot be used; the only kind that may be skipped
    │   └── TooLargeError an input that is larger than what may be sent to the demo
    ├── BundleError      a stored model that is damaged, too new, or needs a missing component
    └── RunError         a run that cannot start or resume

The message says what is wrong, what was expected and what to do. The command line prints it without
a traceback.
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
    "TooLargeError",
    "did_you_mean",
]


class SeqloomError(Exception):
    """Base of every error that a user can cause and fix."""


class ConfigError(SeqloomError):
    """A config that cannot be composed, or whose components are not compatible."""


class PluginError(SeqloomError):
    """A plugin or component that is missing, broken or in conflict with another."""


class DataError(SeqloomError):
    """A file that cannot be read in the expected format."""


class HasOrigin(Protocol):
    """The attributes of an example that `ExampleError` needs; avoids importing `Example`."""

    @property
    def id(self) -> str:
        """Name of the example."""

    @property
    def origin(self) -> object | None:
        """Place where the example was read, if known."""


class ExampleError(DataError):
    """One example that cannot be used; with ``on_bad=skip`` it is left out, counted and listed."""

    def __init__(self, example: HasOrigin, problem: str) -> None:
        self.example_id = writable(example.id)
        self.where = writable(str(example.origin or f"example {example.id}"))
        self.problem = writable(shortened(problem))
        super().__init__(f"{printable(self.where)}: {self.problem}")

    @classmethod
    def remedy(cls, errors: Sequence[ExampleError]) -> str:
        """Return a sentence for the end of a list of such errors: how to fix all of them.

        Args:
            errors: Errors of exactly this class.
        """
        return ""

    @classmethod
    def summary(cls, errors: Sequence[ExampleError]) -> str:
        """Return what such errors say in one line, in place of a line each; empty: a line each.

        Used where targets that the model does not know count as misses.

        Args:
            errors: Errors of exactly this class.
        """
        return ""


class TooLargeError(DataError):
    """An input that is larger than what may be sent to the demo."""


class BundleError(SeqloomError):
    """A stored model that is damaged, too new, or needs a component that is missing."""


class RunError(SeqloomError):
    """A run that cannot start or resume."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the known names, the most similar one first, for the end of an error message.

    >>> did_you_mean("bilstn", ["rnn", "lstm", "bilstm"])
    "Did you mean 'bilstm'? There are: bilstm, lstm, rnn."
    """
    options = sorted(known)
    listing = f"There are: {', '.join(options)}." if options else "There are none."
    near = difflib.get_close_matches(name, options, n=1)
    return f"Did you mean {near[0]!r}? {listing}" if near else listing


def shortened(text: str, longest: int = 2000) -> str:
    """Return a text without its middle if it is longer, as where it quotes what a file holds.

    >>> shortened("the tag 'aaaaaaaaaaaaaaaaaaaaaa' is unknown", longest=30)
    "the tag 'aaaaa…aaa' is unknown"
    """
    if len(text) <= longest:
        return text
    end = longest // 2
    return f"{text[: longest - end - 1]}…{text[-end:]}"


def printable(text: str) -> str:
    r"""Return a line without control characters, which a file from elsewhere may contain.

    >>> print(printable("1.0\n\x1b[2J"))
    1.0\n\x1b[2J
    """
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def writable(text: str) -> str:
    r"""Return a text with lone surrogates escaped, which no encoding can write.

    >>> print(writable("caf\udce9.txt"))
    caf\udce9.txt
    """
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")
