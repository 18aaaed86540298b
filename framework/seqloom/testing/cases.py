"""From an installed component to what the checks are given: a case, made of small samples."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from seqloom.errors import ExampleError
from seqloom.interfaces import Encoder, Example
from seqloom.plugins import Component, resolve
from seqloom.plugins.registry import import_target
from seqloom.testing.compare import ConformanceError, require
from seqloom.testing.frontend_case import FrontendCase
from seqloom.testing.head_case import HeadCase
from seqloom.testing.params import small, typed
from seqloom.testing.reader_case import ReaderCase
from seqloom.testing.samples import LENGTHS, MAKERS, examples

STEPS = "steps"
"""The role of what a frontend's steps stand for; all other roles are fields of the examples."""

SEED = 4
MOST_FRAMES = 1000


@dataclass(frozen=True)
class EncoderCase:
    """An encoder class with parameters: from an input size to a new encoder."""

    cls: Callable[..., Encoder]
    params: dict[str, Any] = field(default_factory=dict)

    def __call__(self, input_size: int) -> Encoder:
        """Return a new encoder."""
        return self.cls(input_size, **self.params)


@contextmanager
def case_of(
    component: Component, given: Mapping[str, Any], kinds: Mapping[str, str]
) -> Iterator[Any]:
    """Give the case of a component: of its sample, or of what its defaults and fields allow.

    Args:
        component: to check.
        given: parameters, by key, that are not its defaults.
        kinds: role → kind of the fields that a frontend reads.

    Raises:
        ConfigError: a parameter is unknown, or of a wrong type.
        ConformanceError: nobody can make samples for it.
        PluginError: its class cannot be imported.
    """
    if component.kind == "data":
        with tempfile.TemporaryDirectory(prefix="sample-") as folder:
            yield _source(component, given, Path(folder))
    elif component.kind == "encoder":
        params = typed(component, {**small(component), **given})
        yield EncoderCase(resolve("encoder", component.name), params)
    elif component.kind == "frontend":
        yield _frontend(component, typed(component, given), kinds)
    else:
        yield _head(component, typed(component, given))


def readings(component: Component) -> list[dict[str, str]]:
    """Return the ways to read with a frontend: role → kind, the preferred kinds first."""
    if component.kind != "frontend" or component.sample:
        return [{}]
    taken = {role: kinds for role, kinds in component.takes.items() if role != STEPS}
    return [dict(zip(taken, kinds, strict=True)) for kinds in itertools.product(*taken.values())]


def _source(component: Component, given: Mapping[str, Any], folder: Path) -> ReaderCase:
    sample: Mapping[str, Any] = {}
    if component.sample:
        sample = import_target(component.sample, _whose(component))(folder)
    params = typed(component, {**sample, **given})
    gives = component.given(params)
    cls = resolve("data", component.name)
    return ReaderCase(cls, params, gives, component.suffixes, folder if sample else None)


def _frontend(
    component: Component, params: dict[str, Any], kinds: Mapping[str, str]
) -> FrontendCase:
    if component.sample:
        return FrontendCase(resolve("frontend", component.name), _sampled(component), params)
    fields = {_field(params, role, kind): kind for role, kind in kinds.items()}
    return FrontendCase(resolve("frontend", component.name), _made(component, fields), params)


def _head(component: Component, params: dict[str, Any]) -> HeadCase:
    """Return the first case that the head's codec takes: of its kinds, one may be for others."""
    cls = resolve("head", component.name)
    kinds = component.takes.get("field", ("",))
    refusal: ExampleError | None = None
    for kind in kinds:
        if component.sample:
            found = _sampled(component)
        else:
            fields = {"tokens": "tokens", _field(params, "field", kind): kind}
            found = _made(component, fields)
        try:
            frames = _frames(HeadCase(cls, found, LENGTHS, params))
        except ExampleError as fault:
            refusal = refusal or fault
            continue
        return HeadCase(cls, found, frames, params, kind=kind)
    raise refusal or ConformanceError(f"{_name(component)} takes no field")


def _frames(case: HeadCase) -> list[int]:
    """Return for each example how many states its target needs; a text more than its words."""
    codec = case.codec()
    found = []
    for example, length in zip(case.examples, case.frames, strict=True):
        item, frames = codec.encode(example), length
        while True:
            try:
                codec.check(example, item, frames)
            except ExampleError:
                if frames > MOST_FRAMES:
                    raise
                frames = 2 * frames + 1
            else:
                break
        found.append(frames)
    return found


def _field(params: Mapping[str, Any], role: str, kind: str) -> str:
    """Return the name of the field in a role: that of the parameter, if it is one, or the kind."""
    return str(params.get(role, role) or kind)


def _made(component: Component, fields: Mapping[str, str]) -> list[Example]:
    unknown = [kind for kind in fields.values() if kind not in MAKERS]
    if unknown or not fields:
        what = f"a field of the kind {unknown[0]!r}" if unknown else "what it reads"
        raise ConformanceError(
            f"nothing is known to make {what} with, so {_name(component)} cannot be checked; name "
            "a function that makes examples: Component(…, sample='module:function')"
        )
    return examples(fields)


def _sampled(component: Component) -> Sequence[Example]:
    make = import_target(component.sample, _whose(component))
    found: list[Example] = list(make(LENGTHS, np.random.default_rng(SEED)))
    require(
        len(found) == len(LENGTHS),
        f"{component.sample} makes {len(found)} examples of {len(LENGTHS)} lengths",
    )
    return found


def _whose(component: Component) -> str:
    return f"the sample of {_name(component)}"


def _name(component: Component) -> str:
    return f"{component.kind}={component.name}"
