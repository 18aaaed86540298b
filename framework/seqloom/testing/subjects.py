"""What is checked: a component in one of its variants, with the checks of its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from seqloom.errors import ConfigError, ExampleError, did_you_mean
from seqloom.plugins import KINDS, Component, Kind, registry
from seqloom.testing.cases import case_of, readings
from seqloom.testing.compare import NotApplicable
from seqloom.testing.encoders import ENCODER_CHECKS
from seqloom.testing.frontends import FRONTEND_CHECKS
from seqloom.testing.heads import HEAD_CHECKS
from seqloom.testing.params import typed
from seqloom.testing.readers import READER_CHECKS
from seqloom.testing.samples import options

Check = Callable[[Any], None]

CHECKS: Mapping[Kind, tuple[Check, ...]] = {
    "data": READER_CHECKS,
    "frontend": FRONTEND_CHECKS,
    "encoder": ENCODER_CHECKS,
    "head": HEAD_CHECKS,
}


@dataclass(frozen=True)
class Subject:
    """An installed component with parameters.

    Attributes:
        component: of the plugin.
        params: by key, those that are not its defaults.
        option: of an enum parameter, where this is a variant: ``{"merge": "sum"}``.
        kinds: role → kind of the fields that a frontend reads.
    """

    component: Component
    params: Mapping[str, Any] = field(default_factory=dict)
    option: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As it is chosen: ``encoder=lstm``."""
        return f"{self.component.kind}={self.component.name}"

    @property
    def variant(self) -> str:
        """What it is apart from its defaults: ``merge=sum``; empty if it is nothing."""
        several = len(readings(self.component)) > 1
        reads = self.kinds.values() if several else ()
        return " ".join([*(f"{key}={value}" for key, value in self.option.items()), *reads])

    @property
    def checks(self) -> tuple[Check, ...]:
        """All checks of its kind."""
        return CHECKS[self.component.kind]

    @contextmanager
    def case(self) -> Iterator[Any]:
        """Give a fresh case; files of a sample are there as long as the block.

        Raises:
            NotApplicable: the samples do not suit its variant, which is for other data.
        """
        given = {**self.params, **self.option}
        with ExitStack() as stack:
            try:
                case = stack.enter_context(case_of(self.component, given, self.kinds))
            except ExampleError as fault:
                if not self.option:
                    raise
                raise NotApplicable(f"the sample is not for {self.variant}: {fault}") from fault
            yield case

    def run(self, check: Check) -> None:
        """Run a check on a fresh case; raises what it raises."""
        with self.case() as case:
            check(case)


def subjects(component: Component, params: Mapping[str, Any] | None = None) -> list[Subject]:
    """Return a component with parameters, and in each variant of its enum parameters besides.

    Raises:
        ConfigError: a parameter is unknown, or of a wrong type.
    """
    params = params or {}
    if component.kind != "data":  # its sample may give what has no default
        typed(component, params)
    ways = readings(component)
    found = [Subject(component, params, {}, kinds) for kinds in ways]
    settled = [key.partition(".")[0] for key in params]
    # A data component's parameters tell of the files that it is given.
    variants = [] if component.kind == "data" else options(component, settled)
    return found + [Subject(component, params, option, ways[0]) for option in variants]


def find(choice: str) -> Component:
    """Return the component that ``encoder=lstm`` names.

    Raises:
        ConfigError: that is no choice of a component.
        PluginError: no plugin provides it.
    """
    kind, equals, name = choice.partition("=")
    if not equals or kind not in KINDS:
        raise ConfigError(
            f"{choice!r} names no component; write KIND=NAME, as encoder=lstm. "
            f"{did_you_mean(kind, KINDS)}"
        )
    return registry().find(kind, name)
