"""Run all checks of a component: in one call, or as tests of a class."""

from __future__ import annotations

import time
import unittest
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from seqloom.errors import SeqloomError
from seqloom.interfaces import Encoder
from seqloom.plugins import Kind
from seqloom.testing.checks import CHECKS, Check, as_case, name_of, promise_of
from seqloom.testing.compare import ConformanceError, describe_error
from seqloom.testing.encoders import EncoderCase
from seqloom.testing.frontends import FrontendCase
from seqloom.testing.heads import HeadCase
from seqloom.testing.readers import ReaderCase
from seqloom.testing.subjects import Subject, find, subjects

State = Literal["ok", "failed", "does not apply"]

CASE = "case"
"""Stands for a check if nothing could be checked because no case could be made."""


@dataclass(frozen=True)
class Outcome:
    """The result of one check.

    Attributes:
        component: Component, as ``encoder=lstm``.
        variant: Variant, as ``merge=sum``; empty for the defaults.
        check: Name of the check: ``padding``.
        promise: Promise that it tests, a sentence.
        state: Whether it passed.
        text: What failed, with numbers, or why it does not apply; empty if it passed.
        seconds: Time that it took.
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
        what: ``"encoder=mine"`` for an installed component, which is checked in each variant of
            its enum parameters; or a case of one that is not installed: an `EncoderCase` or a
            function from an input size to an encoder, a `FrontendCase`, `HeadCase` or
            `ReaderCase`.
        params: Parameters of an installed component that replace its defaults.

    Raises:
        ConformanceError: Lists, in a sentence each, the promises that are broken.
        ConfigError: A parameter is unknown or has a wrong type.
        PluginError: There is no such component.
    """
    if isinstance(what, str):
        found = [one for each in subjects(find(what), params) for one in outcomes(each)]
    else:
        if params:
            raise TypeError(f"a case has its own parameters; conform() also got {[*params]}")
        checks, case = as_case(what)
        found = [outcome(check, case) for check in checks]
    failed = [one for one in found if one.state == "failed"]
    if failed:
        count = "one promise" if len(failed) == 1 else f"{len(failed)} promises"
        alike: dict[tuple[str, str], list[str]] = {}
        for one in failed:
            alike.setdefault((one.subject, one.text), []).append(one.check)
        lines = [
            f"{subject}: {', '.join(checks)}: {text}".removeprefix(": ")
            for (subject, text), checks in alike.items()
        ]
        raise ConformanceError("\n- ".join([f"It breaks {count} of {len(found)}:", *lines]))


def outcomes(subject: Subject, word: str = "") -> Iterator[Outcome]:
    """Run the checks of a subject whose names contain the word, and yield their outcomes.

    If no case can be made, that is the only outcome.
    """
    for check in subject.checks:
        if word in name_of(check):
            one = outcome(check, subject)
            yield one
            if one.check == CASE:
                return


def outcome(check: Check, given: Any) -> Outcome:
    """Run one check on a new case of a subject, or on a case, and return the outcome."""
    start = time.perf_counter()
    name, state, text = CASE, "ok", ""
    with ExitStack() as stack:
        try:
            case = stack.enter_context(given.case()) if isinstance(given, Subject) else given
            name = name_of(check)
            check(case)
        except unittest.SkipTest as reason:
            state, text = "does not apply", str(reason)
        except Exception as error:  # another author's component can raise anything
            state, text = "failed", describe_error(error)
    return Outcome(
        component=given.name if isinstance(given, Subject) else "",
        variant=given.variant if isinstance(given, Subject) else "",
        check=name,
        promise=promise_of(check) if name != CASE else "A case can be made from its sample.",
        state=state,  # type: ignore[arg-type]
        text=text,
        seconds=time.perf_counter() - start,
    )


@dataclass(frozen=True)
class _Own:
    """The case that a class makes by itself."""

    case: Any
    variant: str = ""

    def run(self, check: Check) -> None:
        check(self.case)


@dataclass(frozen=True)
class _Missing:
    """A component that cannot be found; each of its tests says why."""

    error: SeqloomError
    variant: str = ""

    def run(self, check: Check) -> None:
        raise self.error


class _Conformance:
    """A test class; pytest calls ``pytest_generate_tests``, and nothing here imports pytest."""

    kind: ClassVar[Kind]
    name: ClassVar[str] = ""
    params: ClassVar[Mapping[str, Any]] = {}

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Make a test of each check on the component and on each of its variants."""
        if "subject" not in metafunc.fixturenames:
            return  # another test of a subclass
        pairs = [(one, check) for one in self._subjects() for check in CHECKS[self.kind]]
        ids = [f"{one.variant} {name_of(check)}".strip().replace(" ", "-") for one, check in pairs]
        metafunc.parametrize(("subject", "check"), pairs, ids=ids)

    def test_promise(self, subject: Any, check: Check) -> None:
        """Run a check on a component."""
        subject.run(check)

    def _subjects(self) -> list[Any]:
        case = self._case()
        if case is not None:
            return [_Own(case)]
        try:
            found: list[Subject] = subjects(find(f"{self.kind}={self.name}"), self.params)
        except SeqloomError as error:
            return [_Missing(error)]
        return [*found]

    def _case(self) -> Any:
        """Return the case that the class makes, or None if its component is installed."""
        own: Any = getattr(self, "case", None)
        return own() if own else None


class EncoderConformance(_Conformance):
    """Checks an encoder, by its ``name`` and ``params``, or as ``make`` makes it.

    ::

        class TestMine(EncoderConformance):
            name = "mine"
            params = {"hidden_size": 8}

    Attributes:
        name: Name of the installed component.
        params: Parameters that replace its defaults.
    """

    kind = "encoder"

    def make(self, input_size: int) -> Encoder:
        """Return a new encoder; define it if none is installed under a name."""
        raise NotImplementedError

    def _case(self) -> Any:
        return EncoderCase(self.make) if type(self).make is not EncoderConformance.make else None


class FrontendConformance(_Conformance):
    """Checks a frontend, by its ``name`` and ``params``, or by a `FrontendCase`."""

    kind = "frontend"

    def case(self) -> FrontendCase | None:
        """Return a case; define it if no component is installed under a name."""
        return None


class HeadConformance(_Conformance):
    """Checks a head, by its ``name`` and ``params``, or by a `HeadCase`."""

    kind = "head"

    def case(self) -> HeadCase | None:
        """Return a case; define it if no component is installed under a name."""
        return None


class ReaderConformance(_Conformance):
    """Checks a data component, by its ``name`` and ``params``, or by a `ReaderCase`."""

    kind = "data"

    def case(self) -> ReaderCase | None:
        """Return a case; define it if no component is installed under a name."""
        return None
