"""Examples that cannot be used: collected, then an error or a warning."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from seqloom.errors import Cause, DataError, ExampleError, plural

log = logging.getLogger("seqloom")
SHOWN = 10


class Rejected:
    """The examples of a split that cannot be used.

    Args:
        skip: Whether to skip them; otherwise they are an error.
        how: Option that skips them, named in messages.

    Attributes:
        errors: Why each of them cannot be used.
    """

    def __init__(self, skip: bool, how: str = "on_bad=skip") -> None:
        self.skip = skip
        self.how = how
        self.errors: list[ExampleError] = []

    def raise_or_warn(self, what: str) -> None:
        """Report the examples of ``what``, such as ``the train split``.

        Raises:
            DataError: There are some, and they may not be skipped; lists the first.
        """
        _raise_or_warn({what: self})


def raise_or_warn(rejected: Mapping[str, Rejected]) -> None:
    """Report the rejected examples of every split, by the split's name.

    Raises:
        DataError: There are some that may not be skipped; lists those of all splits.
    """
    _raise_or_warn({f"the {split} split": found for split, found in rejected.items()})


def _raise_or_warn(rejected: Mapping[str, Rejected]) -> None:
    rejected = {what: found for what, found in rejected.items() if found.errors}
    for what, found in rejected.items():
        if found.skip:
            log.warning("Skipped %s:%s", counted(found.errors, what), listing(found.errors))
    # What fixes errors, and how to skip them, is said once, after those of all splits.
    advice = _advice([error for found in rejected.values() for error in found.errors])
    refused = {what: found for what, found in rejected.items() if not found.skip}
    if refused:
        lists = [refusal(found.errors, what) for what, found in refused.items()]
        how = next(iter(refused.values())).how
        end = f"Fix the data, or leave these examples out with {how}."
        codes = {error.code for found in refused.values() for error in found.errors}
        cause = codes.pop() if len(codes) == 1 else Cause.example
        raise DataError("\n".join([*lists, *advice, end]), cause=cause)
    for remedy in advice:
        log.warning("%s", remedy)


def warn_of_unknown(errors: Sequence[ExampleError], what: str) -> None:
    """Log a warning for examples of ``what`` with targets that the model does not know."""
    for kind in dict.fromkeys(type(error) for error in errors):
        found = [error for error in errors if type(error) is kind]
        summary = kind.summary(found)
        log.warning(
            "%s: the model does not know their targets, which count as misses and have no loss:%s",
            counted(found, what),
            f" {summary}" if summary else listing(found),
        )


def refusal(errors: Sequence[ExampleError], what: str) -> str:
    """Return the sentence that examples cannot be used, with the first of them."""
    return f"{counted(errors, what)} cannot be used:{listing(errors)}"


def counted(errors: Sequence[ExampleError], what: str) -> str:
    """Return ``3 examples of the train split``."""
    return f"{len(errors):,} {plural(len(errors), 'example')} of {what}"


def listing(errors: Sequence[ExampleError]) -> str:
    """Return the first errors, a line each, and how many more there are."""
    lines = [str(error) for error in errors[:SHOWN]]
    if len(errors) > SHOWN:
        lines.append(f"… and {len(errors) - SHOWN} more")
    return "".join(f"\n  {line}" for line in lines)


def _advice(errors: Sequence[ExampleError]) -> list[str]:
    """Return what fixes many errors at once, by their classes."""
    kinds = dict.fromkeys(type(error) for error in errors)
    found = [kind.remedy([error for error in errors if type(error) is kind]) for kind in kinds]
    return [remedy for remedy in found if remedy]
