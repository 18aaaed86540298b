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
a traceback, and behind it the code of its cause, such as ``[S101]``, that ``seqloom explain S101``
and the page on troubleshooting explain. The code is not part of ``str(error)``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, Protocol

__all__ = [
    "BundleError",
    "Cause",
    "ConfigError",
    "DataError",
    "ExampleError",
    "ExamplesError",
    "PluginError",
    "RunError",
    "SeqloomError",
    "TooLargeError",
    "did_you_mean",
    "kind_of",
    "plural",
]


class Cause(StrEnum):
    """Why a user gets an error: the code of each cause that ``seqloom explain`` describes."""

    config = "S100"
    unknown_option = "S101"
    unknown_key = "S102"
    wrong_value = "S103"
    unreadable_override = "S104"
    several_values = "S105"
    no_value = "S106"
    incompatible = "S107"
    bad_split = "S108"
    plugin = "S200"
    no_component = "S201"
    conflict = "S202"
    broken_plugin = "S203"
    missing_extra = "S204"
    data = "S300"
    no_file = "S301"
    not_utf8 = "S302"
    not_parsed = "S303"
    no_column = "S304"
    no_examples = "S305"
    download = "S306"
    example = "S310"
    no_field = "S311"
    bad_tags = "S312"
    unseen_class = "S313"
    over_cost = "S314"
    too_large = "S320"
    bundle = "S400"
    no_bundle = "S401"
    damaged_bundle = "S402"
    newer_bundle = "S403"
    tampered_bundle = "S404"
    run = "S500"
    folder_has_run = "S501"
    folder_in_use = "S502"
    damaged_checkpoint = "S503"
    changed_data = "S504"
    cannot_write = "S505"
    not_finite = "S506"
    rank_killed = "S507"
    hangs = "S508"
    trials_failed = "S509"


class SeqloomError(Exception):
    """Base of every error that a user can cause and fix.

    Args:
        message: What is wrong, what was expected, what to do.
        cause: A `Cause`, or the code of another error; None: the usual one of the class. Plugins
            may leave it out.

    Attributes:
        code: Code of the cause, that ``seqloom explain`` describes.
    """

    code: str = Cause.config

    def __init__(self, message: str = "", *, cause: str | None = None) -> None:
        super().__init__(message)
        if cause is not None:
            self.code = str(cause)


def with_code(error: SeqloomError) -> str:
    """Return the message of an error with the code of its cause, as it is printed.

    >>> with_code(DataError("a.csv: no such file.", cause=Cause.no_file))
    'a.csv: no such file. [S301]'
    """
    return f"{error} [{error.code}]"


class ConfigError(SeqloomError):
    """A config that cannot be composed, or whose components are not compatible."""


class PluginError(SeqloomError):
    """A plugin or component that is missing, broken or in conflict with another."""

    code = Cause.plugin


class DataError(SeqloomError):
    """A file that cannot be read in the expected format."""

    code = Cause.data


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

    code = Cause.example

    def __init__(self, example: HasOrigin, problem: str, *, cause: str | None = None) -> None:
        self.example_id = writable(example.id)
        self.where = writable(str(example.origin or f"example {example.id}"))
        self.problem = writable(shortened(problem))
        super().__init__(f"{printable(self.where)}: {self.problem}", cause=cause)

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how to make the error again where its example is not, in another process."""
        return _example_error, (type(self), self.args), self.__dict__

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


def _example_error(kind: type[ExampleError], args: tuple[Any, ...]) -> ExampleError:
    return kind.__new__(kind, *args)


class ExamplesError(DataError):
    """Several examples that cannot be used, which only all examples together can tell.

    Args:
        errors: Their errors, one at least.

    Attributes:
        errors: The same.
    """

    def __init__(self, errors: Iterable[ExampleError]) -> None:
        self.errors = list(errors)
        super().__init__(str(self.errors[0]), cause=self.errors[0].code)


class TooLargeError(DataError):
    """An input that is larger than what may be sent to the demo."""

    code = Cause.too_large


class BundleError(SeqloomError):
    """A stored model that is damaged, too new, or needs a component that is missing."""

    code = Cause.bundle


class RunError(SeqloomError):
    """A run that cannot start or resume."""

    code = Cause.run


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the known names, the most similar one first, for the end of an error message.

    >>> did_you_mean("bilstn", ["rnn", "lstm", "bilstm"])
    "Did you mean 'bilstm'? There are: bilstm, lstm, rnn."
    """
    options = sorted(known)
    listing = f"There are: {', '.join(options)}." if options else "There are none."
    same = [one for one in options if one.casefold() == name.casefold()]
    near = same or difflib.get_close_matches(name, options, n=1)
    return f"Did you mean {near[0]!r}? {listing}" if near else listing


def plural(number: float, one: str, many: str = "") -> str:
    """Return a word, or some, in the form that agrees with a number.

    Args:
        number: Number of things.
        one: The words for one thing.
        many: Those for none or several; by default ``one`` and an s.

    >>> plural(1, "text"), plural(2, "text"), plural(0, "class is", "classes are")
    ('text', 'texts', 'classes are')
    """
    return one if number == 1 else many or f"{one}s"


def kind_of(value: Any) -> str:
    """Return the name of the type of a value, with its article.

    >>> kind_of(1), kind_of("text")
    ('an int', 'a str')
    """
    name = type(value).__name__
    return f"an {name}" if name.startswith((*"aeioAEIO", "nd")) else f"a {name}"  # an ndarray


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
