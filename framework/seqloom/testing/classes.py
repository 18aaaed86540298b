"""Classes to be named in a test file: a subclass with a name is all that is to be written.

pytest finds ``pytest_generate_tests``; nothing here imports pytest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from seqloom.errors import SeqloomError
from seqloom.interfaces import Encoder
from seqloom.plugins import Kind
from seqloom.testing.conform import name_of
from seqloom.testing.frontend_case import FrontendCase
from seqloom.testing.head_case import HeadCase
from seqloom.testing.reader_case import ReaderCase
from seqloom.testing.subjects import CHECKS, Check, Subject, find, subjects


@dataclass(frozen=True)
class _Own:
    """The case that a class makes by itself."""

    case: Any
    variant: str = ""

    def run(self, check: Check) -> None:
        check(self.case)


@dataclass(frozen=True)
class _Missing:
    """A component that cannot be had; each test of it tells why."""

    fault: SeqloomError
    variant: str = ""

    def run(self, check: Check) -> None:
        raise self.fault


class _Conformance:
    kind: ClassVar[Kind]
    name: ClassVar[str] = ""
    params: ClassVar[Mapping[str, Any]] = {}

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Have the test run for each check, on the component and on each of its variants."""
        if "subject" not in metafunc.fixturenames:
            return  # a test that a subclass has besides
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
        except SeqloomError as fault:
            return [_Missing(fault)]
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
        name: of the installed component.
        params: other than its defaults.
    """

    kind = "encoder"

    def make(self, input_size: int) -> Encoder:
        """Return a new encoder; to be defined where none is installed under a name."""
        raise NotImplementedError

    def _case(self) -> Any:
        return self.make if type(self).make is not EncoderConformance.make else None


class FrontendConformance(_Conformance):
    """Checks a frontend, by its ``name`` and ``params``, or by a `FrontendCase`."""

    kind = "frontend"

    def case(self) -> FrontendCase | None:
        """Return a case; to be defined where no component is installed under a name."""
        return None


class HeadConformance(_Conformance):
    """Checks a head, by its ``name`` and ``params``, or by a `HeadCase`."""

    kind = "head"

    def case(self) -> HeadCase | None:
        """Return a case; to be defined where no component is installed under a name."""
        return None


class ReaderConformance(_Conformance):
    """Checks a data component, by its ``name`` and ``params``, or by a `ReaderCase`."""

    kind = "data"

    def case(self) -> ReaderCase | None:
        """Return a case; to be defined where no component is installed under a name."""
        return None
