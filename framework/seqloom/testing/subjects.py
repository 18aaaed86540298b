"""From an installed component to cases: of its sample, or of small examples that it can read."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from seqloom.config.params import typed_params
from seqloom.errors import ConfigError, DataError, ExampleError, did_you_mean
from seqloom.interfaces import Example
from seqloom.model.build import class_and_params
from seqloom.plugins import KINDS, Component, registry, resolve
from seqloom.plugins.registry import import_target
from seqloom.testing.checks import CHECKS, Check, Scope, scope_of
from seqloom.testing.compare import ConformanceError, NotApplicable, require
from seqloom.testing.encoders import EncoderCase
from seqloom.testing.frontends import FrontendCase
from seqloom.testing.heads import Candidates, HeadCase
from seqloom.testing.readers import ReaderCase
from seqloom.testing.samples import LENGTHS, MAKERS, examples, options

SMALL = {"hidden_size": 8, "num_layers": 2}
"""Sizes with which encoders are checked if their schema has them and nothing else is passed."""

STEPS = "steps"
"""The role of what a frontend's steps stand for; all other roles are fields of the examples."""

SEED = 4
MOST_FRAMES = 1000


@dataclass(frozen=True)
class Subject:
    """An installed component with parameters.

    Attributes:
        component: Component of a plugin.
        params: Values by key that replace its defaults.
        option: Value of an enum parameter, if this is a variant: ``{"merge": "sum"}``.
        kinds: Role → kind of the fields that a frontend reads.
        first: Whether ``option`` is the parameter's first value other than the default.
    """

    component: Component
    params: Mapping[str, Any] = field(default_factory=dict)
    option: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    first: bool = False

    @property
    def name(self) -> str:
        """The word that chooses it: ``encoder=lstm``."""
        return f"{self.component.kind}={self.component.name}"

    @property
    def variant(self) -> str:
        """The difference from its defaults: ``merge=sum``; empty if there is none."""
        several = len(_readings(self.component)) > 1
        reads = self.kinds.values() if several else ()
        return " ".join([*(f"{key}={value}" for key, value in self.option.items()), *reads])

    @property
    def checks(self) -> tuple[Check, ...]:
        """All checks of its kind."""
        return CHECKS[self.component.kind]

    def needs(self, check: Check) -> bool:
        """Return whether the check can come out differently for this variant than for others."""
        scopes = {Scope.every, Scope.one} if self.first else {Scope.every}
        return not self.option or scope_of(check) in scopes

    @contextmanager
    def case(self) -> Iterator[Any]:
        """Yield a new case; files of a sample exist within the block.

        Raises:
            ConfigError: A parameter is unknown, or has a wrong type.
            ConformanceError: There is no way to make samples for it.
            NotApplicable: The samples do not suit its variant, which is for other data.
            PluginError: Its class cannot be imported.
        """
        with tempfile.TemporaryDirectory(prefix="sample-") as folder:
            try:
                case = self._make(Path(folder))
            except DataError as error:
                if not self.option:
                    raise
                raise NotApplicable(f"the sample does not suit {self.variant}: {error}") from error
            yield case

    def run(self, check: Check) -> None:
        """Run a check on a new case; raises what it raises."""
        with self.case() as case:
            check(case)

    def _make(self, folder: Path) -> Any:
        component, given = self.component, {**self.params, **self.option}
        if component.kind == "data":
            return _reader(component, given, folder)
        if component.kind == "encoder":
            small = {name: size for name, size in SMALL.items() if name in component.defaults()}
            params = typed_params(component, {**small, **given}.items())
            return EncoderCase(resolve("encoder", component.name), params)
        params = typed_params(component, given.items())
        if component.kind == "frontend":
            return _frontend(component, params, self.kinds)
        return _head(component, params)


def find(choice: str) -> Component:
    """Return the component that ``encoder=lstm`` names.

    Raises:
        ConfigError: The text does not have that form.
        PluginError: No plugin provides it.
    """
    kind, equals, name = choice.partition("=")
    if not equals or kind not in KINDS:
        raise ConfigError(
            f"{choice!r} does not name a component. Write KIND=NAME, such as encoder=lstm. "
            f"{did_you_mean(kind, KINDS)}"
        )
    return registry().find(kind, name)


def subjects(component: Component, params: Mapping[str, Any] | None = None) -> list[Subject]:
    """Return a component with parameters, and with each variant of its enum parameters.

    Raises:
        ConfigError: A parameter is unknown, or has a wrong type.
    """
    params = params or {}
    if component.kind != "data":  # its sample may set what has no default
        typed_params(component, params.items())
    ways = _readings(component)
    found = [Subject(component, params, {}, kinds) for kinds in ways]
    fixed = [key.partition(".")[0] for key in params]
    # The parameters of a data component describe the files that it reads.
    variants = [] if component.kind == "data" else options(component, fixed)
    seen: set[str] = set()
    for option in variants:
        found.append(Subject(component, params, option, ways[0], first=not seen & {*option}))
        seen |= {*option}
    return found


def _readings(component: Component) -> list[dict[str, str]]:
    """Return the ways to read with a frontend: role → kind, the preferred kinds first."""
    if component.kind != "frontend" or component.sample:
        return [{}]
    taken = {role: kinds for role, kinds in component.takes.items() if role != STEPS}
    return [dict(zip(taken, kinds, strict=True)) for kinds in itertools.product(*taken.values())]


def _reader(component: Component, given: Mapping[str, Any], folder: Path) -> ReaderCase:
    sample: Mapping[str, Any] = {}
    if component.sample:
        sample = import_target(component.sample, _owner(component))(folder)
    params = typed_params(component, {**sample, **given}.items())
    gives = component.given(params)
    cls, own = class_and_params("data", {"name": component.name, **params})
    return ReaderCase(cls, own, gives, component.suffixes, folder if sample else None)


def _frontend(
    component: Component, params: dict[str, Any], kinds: Mapping[str, str]
) -> FrontendCase:
    if component.sample:
        return FrontendCase(resolve("frontend", component.name), _sampled(component), params)
    fields = {_field(params, role, kind): kind for role, kind in kinds.items()}
    return FrontendCase(resolve("frontend", component.name), _generated(component, fields), params)


def _head(component: Component, params: dict[str, Any]) -> HeadCase:
    """Return a case of the first kind of field that the head's codec accepts."""
    cls = resolve("head", component.name)
    rejected: DataError | None = None
    for kind in component.takes.get("field", ("",)):
        if component.sample:
            found = _sampled(component)
        else:
            fields = {"tokens": "tokens", _field(params, "field", kind): kind}
            found = _generated(component, fields)
        try:
            frames = _frames(HeadCase(cls, found, LENGTHS, params))
        except DataError as error:
            rejected = rejected or error
            continue
        return HeadCase(cls, found, frames, params, _candidates(component, params), kind)
    raise rejected or ConformanceError(f"{_name(component)} takes no field")


def _candidates(component: Component, params: Mapping[str, Any]) -> Candidates | None:
    """Return the component's own function that lists the targets of an example, if it has one."""
    if not component.candidates:
        return None
    function = import_target(component.candidates, f"candidates of {_name(component)}")
    return lambda example: function(example, params)


def _frames(case: HeadCase) -> list[int]:
    """Return how many states the target of each example needs; a text needs more than its words."""
    codec = case.codec()
    found = []
    for example, length in zip(case.examples, case.frames, strict=True):
        arrays, frames = codec.encode(example), length
        while True:
            try:
                codec.check(example, arrays, frames)
            except ExampleError:
                if frames > MOST_FRAMES:
                    raise
                frames = 2 * frames + 1
            else:
                break
        found.append(frames)
    return found


def _field(params: Mapping[str, Any], role: str, kind: str) -> str:
    """Return the name of the field in a role: the parameter of that name, or the kind."""
    return str(params.get(role, role) or kind)


def _generated(component: Component, fields: Mapping[str, str]) -> list[Example]:
    unknown = [kind for kind in fields.values() if kind not in MAKERS]
    if unknown or not fields:
        what = f"a field of the kind {unknown[0]!r}" if unknown else "its fields"
        raise ConformanceError(
            f"the kit cannot make {what}, so {_name(component)} cannot be checked; name a "
            "function that makes examples: Component(…, sample='module:function')"
        )
    return examples(fields)


def _sampled(component: Component) -> Sequence[Example]:
    make = import_target(component.sample, _owner(component))
    found: list[Example] = list(make(LENGTHS, np.random.default_rng(SEED)))
    require(
        len(found) == len(LENGTHS),
        f"{component.sample} makes {len(found)} examples for {len(LENGTHS)} lengths",
    )
    return found


def _owner(component: Component) -> str:
    return f"the sample of {_name(component)}"


def _name(component: Component) -> str:
    return f"{component.kind}={component.name}"
