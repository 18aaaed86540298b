"""Run all checks of a component, and tell what came of each."""

from __future__ import annotations

import time
import unittest
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal

from seqloom.testing.compare import ConformanceError, told
from seqloom.testing.frontend_case import FrontendCase
from seqloom.testing.head_case import HeadCase
from seqloom.testing.reader_case import ReaderCase
from seqloom.testing.subjects import CHECKS, Check, Subject, find, subjects

State = Literal["ok", "failed", "does not apply"]


@dataclass(frozen=True)
class Outcome:
    """What came of one check.

    Attributes:
        component: ``encoder=lstm``.
        variant: ``merge=sum``; empty for the component as it is.
        check: its name: ``padding``.
        promise: what it checks, a sentence.
        state: of it.
        text: what failed, with numbers, or why it does not apply; empty if it is ok.
        seconds: that it took.
    """

    component: str
    variant: str
    check: str
    promise: str
    state: State
    text: str = ""
    seconds: float = 0.0

    @property
    def subject(self) -> str:
        """The component and its variant."""
        return f"{self.component} {self.variant}".rstrip()


def conform(what: Any, /, **params: Any) -> None:
    """Run every check of a component.

    Args:
        what: ``"encoder=mine"`` of an installed plugin, in each variant of its enum parameters; or
            a case of what is not installed: a function from an input size to an encoder, a
            `FrontendCase`, `HeadCase` or `ReaderCase`.
        params: of an installed component, other than its defaults.

    Raises:
        ConformanceError: lists, in a sentence each, the promises that are broken.
        ConfigError: a parameter is unknown or of a wrong type.
        PluginError: there is no such component.
    """
    if isinstance(what, str):
        found = [one for each in subjects(find(what), params) for one in outcomes(each)]
    else:
        if params:
            raise TypeError(f"a case has its own parameters; conform() was given {[*params]} too")
        found = [outcome(check, what) for check in checks_of(what)]
    failed = [one for one in found if one.state == "failed"]
    if failed:
        count = "one promise" if len(failed) == 1 else f"{len(failed)} promises"
        lines = [f"{one.subject}: {one.check}: {one.text}".removeprefix(": ") for one in failed]
        raise ConformanceError("\n- ".join([f"It breaks {count} of {len(found)}:", *lines]))


def checks_of(case: Any) -> Sequence[Check]:
    """Return the checks of a case by what it is; what can be called makes encoders."""
    for kind, cls in (("frontend", FrontendCase), ("head", HeadCase), ("data", ReaderCase)):
        if isinstance(case, cls):
            return CHECKS[kind]  # type: ignore[index]
    if callable(case):
        return CHECKS["encoder"]
    raise TypeError(f"{case!r} is no case; give KIND=NAME, a case or a maker of encoders")


def outcomes(subject: Subject, word: str = "") -> Iterator[Outcome]:
    """Run the checks of a subject whose names have the word in them, and yield what came of each.

    Where no case can be made, that alone is told.
    """
    for check in subject.checks:
        if word in name_of(check):
            one = outcome(check, subject)
            yield one
            if one.check == CASE:
                return


CASE = "case"
"""Stands for a check where there was nothing to check, since no case could be made."""


def outcome(check: Check, given: Any) -> Outcome:
    """Run one check on a fresh case of a subject, or on a case, and return what came of it."""
    start = time.perf_counter()
    name, state, text = CASE, "ok", ""
    with ExitStack() as stack:
        try:
            case = stack.enter_context(given.case()) if isinstance(given, Subject) else given
            name = name_of(check)
            check(case)
        except unittest.SkipTest as reason:
            state, text = "does not apply", str(reason)
        except Exception as fault:  # a stranger's component can raise anything
            state, text = "failed", told(fault)
    return Outcome(
        component=given.name if isinstance(given, Subject) else "",
        variant=given.variant if isinstance(given, Subject) else "",
        check=name,
        promise=promise_of(check) if name != CASE else "A case can be made of its sample.",
        state=state,  # type: ignore[arg-type]
        text=text,
        seconds=time.perf_counter() - start,
    )


def name_of(check: Check) -> str:
    """Return the name of a check: ``padding`` of ``check_padding``."""
    return check.__name__.removeprefix("check_")


def promise_of(check: Check) -> str:
    """Return the sentence of a check."""
    return (check.__doc__ or "").partition("\n")[0]
